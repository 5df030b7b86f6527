package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"driver/webhook"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var fields [][]byte
		for _, field := range strings.Split(lines.Text(), "\t") {
			bytes, _ := base64.StdEncoding.DecodeString(field)
			fields = append(fields, bytes)
		}
		headers := map[string]string{"webhook-id": string(fields[0]), "webhook-timestamp": string(fields[1]), "webhook-signature": string(fields[2])}
		now, _ := strconv.ParseInt(string(fields[5]), 10, 64)
		fmt.Println(webhook.IsGenuine(func(name string) string { return headers[name] }, fields[3], string(fields[4]), time.Unix(now, 0)))
	}
}
