package horizonlm

import (
	"fmt"
	"strconv"
)

// line is what a handle says of itself: its kind, and what about tells where it is open. It never fails.
func line(kind string, box uintptr, closed func(uintptr) int32, about func() (string, error)) string {
	if box == 0 {
		return "<nil>"
	}
	if closed(box) != 0 {
		return kind + ", closed"
	}
	if about == nil {
		return kind
	}
	text, err := about()
	if err != nil { // another goroutine is in a call of it, or has closed it
		return kind
	}
	return kind + ": " + text
}

// count is "1 document", "2,000 documents".
func count(n int64, one string) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if n == 1 {
		return digits + " " + one
	}
	return digits + " " + one + "s"
}

// gib is "1.50 GiB".
func gib(bytes int64) string { return fmt.Sprintf("%.2f GiB", float64(bytes)/(1<<30)) }
