"""What packages say of themselves: the version (that it is the header's is checked where they are packed), and where the project lives."""

HORIZON_LM_VERSION = "0.1.0"

# A forge's address, without the scheme; the Go module's path begins with it.
HORIZON_LM_HOME = "github.com/horizon-lm/horizon-lm"
