"""What packages say of themselves: the version (that it is the header's is checked where they are packed), and where the project lives."""

HORIZON_LM_VERSION = "0.1.0"

# A forge's address, without the scheme.
HORIZON_LM_HOME = "github.com/horizon-lm/horizon-lm"

# The Go module's path, which is where `go get` finds the repository that a release makes of it. Programs import it by this name.
HORIZON_LM_GO = "github.com/horizon-lm/horizonlm"
