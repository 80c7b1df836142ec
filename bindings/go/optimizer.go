package horizonlm

import (
	"runtime"

	"horizonlm/internal/native"
)

// Optimizer is AdamW, Adam, SGD or Lion on slices of the caller's, by a pool of threads of its own.
type Optimizer struct{ box uintptr }

// NewOptimizer makes an optimizer; options may be nil.
func NewOptimizer(options *OptimizerOptions) (*Optimizer, error) {
	if err := checkVersion(); err != nil {
		return nil, err
	}
	var box uintptr
	err := withOptions(native.NewHlm_optimizer_options, native.DeleteHlm_optimizer_options, options, func(own native.Hlm_optimizer_options) error {
		return native.Hlm_optimizer_create(own, &box)
	})
	if err != nil {
		return nil, err
	}
	o := &Optimizer{box}
	runtime.SetFinalizer(o, func(o *Optimizer) { native.Hlm_optimizer_free(o.box) })
	return o, nil
}

// Close frees the optimizer. It may be called more than once.
func (o *Optimizer) Close() error {
	defer runtime.KeepAlive(o)
	return native.Hlm_optimizer_close(o.handle())
}

// String says what it is in a line. It never fails.
func (o *Optimizer) String() string {
	defer runtime.KeepAlive(o)
	return line("Optimizer", o.handle(), native.Hlm_optimizer_closed, nil)
}

// Values is numbers of one of two types: float32, or the bits of bf16. One of the fields is set.
type Values struct {
	F32  []float32
	BF16 []uint16
}

func (v Values) bytes() ([]byte, int32) {
	if v.BF16 != nil {
		return bytesOf(v.BF16), int32(native.HLM_DTYPE_BF16)
	}
	return bytesOf(v.F32), int32(native.HLM_DTYPE_F32)
}

// Arrays are those of one update, n elements each. The weights are one of: Weight; WeightBF16 with Remainder, the exact split of float32
// weights; WeightBF16 alone, which is rounded stochastically. Moments, zero before the first step: FirstMoment and SecondMoment with
// StatesF32; the packed ones with the others, and scales with StatesInt8. SGD and Lion have no second moment.
type Arrays struct {
	Weight             []float32
	WeightBF16         []uint16
	Remainder          []uint16
	FirstMoment        []float32
	SecondMoment       []float32
	FirstMomentPacked  []byte // Optimizer.StateSize tells how long
	SecondMomentPacked []byte
	FirstScales        []float32
	SecondScales       []float32
	Gradient           Values
	Decay              bool  // apply weight decay
	FirstIndex         int64 // of element 0 among all elements of a model, for stochastic rounding; a multiple of 256
	Seed               int64 // of stochastic rounding
}

// Step makes one update. step counts from 1; the gradient is multiplied by gradientScale first.
func (o *Optimizer) Step(step int64, lr, gradientScale float64, arrays *Arrays) error {
	defer runtime.KeepAlive(o)
	if arrays == nil {
		return errorf(InvalidArgument, "the arrays are nil")
	}
	gradient, dtype := arrays.Gradient.bytes()
	return native.Hlm_optimizer_step(o.handle(), step, lr, gradientScale, arrays.Weight, arrays.WeightBF16, arrays.Remainder, arrays.FirstMoment,
		arrays.SecondMoment, gradient, dtype, boolean(arrays.Decay), arrays.FirstMomentPacked, arrays.SecondMomentPacked, arrays.FirstScales,
		arrays.SecondScales, arrays.FirstIndex, arrays.Seed)
}

// StateSize is the bytes and the number of scales of a moment of n elements; both are 0 for a moment that the algorithm does not have.
func (o *Optimizer) StateSize(kind TensorKind, n int64) (bytes, scales int64, err error) {
	defer runtime.KeepAlive(o)
	err = native.Hlm_optimizer_state_size(o.handle(), int32(kind), n, &bytes, &scales)
	return bytes, scales, err
}

// ReadState writes a packed moment into values. Its first element is the first of its block of 256. scales is nil but for StatesInt8.
func (o *Optimizer) ReadState(kind TensorKind, moment []byte, scales, values []float32) error {
	defer runtime.KeepAlive(o)
	return native.Hlm_optimizer_read_state(o.handle(), int32(kind), moment, scales, values)
}

// WriteState is the inverse of ReadState: it rounds to what the moment can hold. Values must be finite, second moments not negative.
func (o *Optimizer) WriteState(kind TensorKind, values []float32, moment []byte, scales []float32) error {
	defer runtime.KeepAlive(o)
	return native.Hlm_optimizer_write_state(o.handle(), int32(kind), values, moment, scales)
}

func boolean(value bool) int32 {
	if value {
		return 1
	}
	return 0
}

// Accumulate adds gradient to sum; a bf16 sum is rounded stochastically by a counter of (seed, element).
func (o *Optimizer) Accumulate(sum, gradient Values, seed int64) error {
	defer runtime.KeepAlive(o)
	to, toType := sum.bytes()
	from, fromType := gradient.bytes()
	return native.Hlm_optimizer_accumulate(o.handle(), to, toType, from, fromType, seed)
}

// SquaredNorm is the sum of squares in double, in a fixed order.
func (o *Optimizer) SquaredNorm(gradient Values) (float64, error) {
	defer runtime.KeepAlive(o)
	from, dtype := gradient.bytes()
	var sum float64
	err := native.Hlm_optimizer_squared_norm(o.handle(), from, dtype, &sum)
	return sum, err
}

// Split splits float32 weights exactly into the bits of bf16 and a remainder.
func (o *Optimizer) Split(weight []float32, weightBF16, remainder []uint16) error {
	defer runtime.KeepAlive(o)
	return native.Hlm_optimizer_split(o.handle(), weight, weightBF16, remainder)
}

// Join is the inverse of Split.
func (o *Optimizer) Join(weightBF16, remainder []uint16, weight []float32) error {
	defer runtime.KeepAlive(o)
	return native.Hlm_optimizer_join(o.handle(), weightBF16, remainder, weight)
}

func (o *Optimizer) handle() uintptr {
	if o == nil {
		return 0
	}
	return o.box
}
