using System;
using System.Globalization;
using System.Linq;
using System.Security.Cryptography;
using System.Text;

public static class Webhook
{
    /// <summary>`header` gives a header by its name, in ASP.NET Core `name => Request.Headers[name]`; `body` is the bytes received.</summary>
    public static bool IsGenuine(Func<string, string> header, byte[] body, string secret, DateTimeOffset now)
    {
        var timestamp = header("webhook-timestamp") ?? "";
        if (timestamp.Length > 12 || !long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)) return false;
        if (Math.Abs(now.ToUnixTimeSeconds() - seconds) > 300) return false;

        var key = Convert.FromBase64String(secret.StartsWith("whsec_") ? secret.Substring(6) : secret);
        var head = Encoding.UTF8.GetBytes(header("webhook-id") + "." + timestamp + ".");
        using (var hmac = new HMACSHA256(key))
        {
            var right = Encoding.ASCII.GetBytes("v1," + Convert.ToBase64String(hmac.ComputeHash(head.Concat(body).ToArray())));
            return (header("webhook-signature") ?? "").Split(' ').Any(given => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given), right));
        }
    }
}
