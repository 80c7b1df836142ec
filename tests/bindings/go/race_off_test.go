//go:build !race

package bindingtest

const underRaceDetector = false
