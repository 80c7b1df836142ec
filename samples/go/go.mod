module horizonlm-samples

go 1.19

require horizonlm v0.1.0

replace horizonlm => ../../bazel-bin/bindings/go/horizonlm
