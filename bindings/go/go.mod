module horizonlm

go 1.19
