using System;
using System.Linq;
using System.Text;

public static class Driver
{
    public static void Main()
    {
        for (var line = Console.ReadLine(); line != null; line = Console.ReadLine())
        {
            var fields = line.Split('\t').Select(Convert.FromBase64String).ToArray();
            Func<int, string> text = index => Encoding.UTF8.GetString(fields[index]);
            Func<string, string> header = name => text(Array.IndexOf(new[] { "webhook-id", "webhook-timestamp", "webhook-signature" }, name));
            Console.WriteLine(Webhook.IsGenuine(header, fields[3], text(4), DateTimeOffset.FromUnixTimeSeconds(long.Parse(text(5)))) ? "true" : "false");
        }
    }
}
