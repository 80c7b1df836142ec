module horizonlm-samples

go 1.19

require github.com/horizon-lm/horizonlm v0.1.0
