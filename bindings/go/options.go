package horizonlm

import (
	"reflect"

	"horizonlm/internal/native"
)

// DType is the type of numbers.
type DType int32

// The types of numbers.
const (
	F32    = DType(native.HLM_DTYPE_F32)
	BF16   = DType(native.HLM_DTYPE_BF16)
	F16    = DType(native.HLM_DTYPE_F16)
	Source = DType(native.HLM_DTYPE_SOURCE) // when saving: the type of the source's weights
)

// Purpose is what a plan is for.
type Purpose int32

// The purposes of a plan.
const (
	Train           = Purpose(native.HLM_PURPOSE_TRAIN)
	ForwardBackward = Purpose(native.HLM_PURPOSE_FORWARD_BACKWARD)
	Forward         = Purpose(native.HLM_PURPOSE_FORWARD)
)

// Activations says which activations are kept for the backward pass.
type Activations int32

// The policies of activations.
const (
	ActivationsAuto      = Activations(native.HLM_ACTIVATIONS_AUTO)
	ActivationsKeep      = Activations(native.HLM_ACTIVATIONS_KEEP)
	ActivationsKeepCheap = Activations(native.HLM_ACTIVATIONS_KEEP_CHEAP)
	ActivationsRecompute = Activations(native.HLM_ACTIVATIONS_RECOMPUTE)
)

// BlockInputs says where the inputs of blocks wait for the backward pass.
type BlockInputs int32

// The places of block inputs.
const (
	BlockInputsAuto   = BlockInputs(native.HLM_BLOCK_INPUTS_AUTO)
	BlockInputsDevice = BlockInputs(native.HLM_BLOCK_INPUTS_DEVICE)
	BlockInputsHost   = BlockInputs(native.HLM_BLOCK_INPUTS_HOST)
)

// Timing says when the optimizer runs.
type Timing int32

// The timings of the optimizer.
const (
	TimingNextForward = Timing(native.HLM_TIMING_NEXT_FORWARD)
	TimingBackward    = Timing(native.HLM_TIMING_BACKWARD)
	TimingSerial      = Timing(native.HLM_TIMING_SERIAL)
	TimingAuto        = Timing(native.HLM_TIMING_AUTO)
)

// Algorithm is an optimizer's.
type Algorithm int32

// The algorithms of optimizers.
const (
	AdamW = Algorithm(native.HLM_OPTIMIZER_ADAMW)
	Adam  = Algorithm(native.HLM_OPTIMIZER_ADAM)
	SGD   = Algorithm(native.HLM_OPTIMIZER_SGD)
	Lion  = Algorithm(native.HLM_OPTIMIZER_LION)
)

// States says how moments are stored.
type States int32

// The ways of storing moments.
const (
	StatesF32  = States(native.HLM_STATES_F32)
	StatesBF16 = States(native.HLM_STATES_BF16)
	StatesInt8 = States(native.HLM_STATES_INT8)
	StatesAuto = States(native.HLM_STATES_AUTO) // of a plan: the most exact that fits
)

// Master says whether weights have a remainder beside their bf16 form.
type Master int32

// The masters.
const (
	MasterSplit = Master(native.HLM_MASTER_SPLIT)
	MasterNone  = Master(native.HLM_MASTER_NONE)
	MasterAuto  = Master(native.HLM_MASTER_AUTO)
)

// Schedule is the course of the learning rate.
type Schedule int32

// The schedules.
const (
	Constant = Schedule(native.HLM_SCHEDULE_CONSTANT)
	Linear   = Schedule(native.HLM_SCHEDULE_LINEAR)
	Cosine   = Schedule(native.HLM_SCHEDULE_COSINE)
)

// Each field of an options struct is the member of the C struct that its tag names: a new member is one new line here. An empty string is the
// default. Slices are arguments of the call, without a tag.

// PlanOptions are the options of a plan; begin with DefaultPlanOptions. hlm_plan_options in horizon_lm.h explains each.
type PlanOptions struct {
	Device           string      `hlm:"device"`
	Purpose          Purpose     `hlm:"purpose"`
	Compute          DType       `hlm:"compute"`
	BatchSize        int64       `hlm:"batch_size"`
	SeqLen           int64       `hlm:"seq_len"`
	MicroBatch       int64       `hlm:"micro_batch"`
	Sweeps           int64       `hlm:"sweeps"`
	Activations      Activations `hlm:"activations"`
	BlockInputs      BlockInputs `hlm:"block_inputs"`
	Slots            int64       `hlm:"slots"`
	Prefetch         int64       `hlm:"prefetch"`
	Ring             int64       `hlm:"ring"`
	HeadChunk        int64       `hlm:"head_chunk"`
	MaxPartBytes     int64       `hlm:"max_part_bytes"`
	OptimizerTiming  Timing      `hlm:"optimizer_timing"`
	GradDType        DType       `hlm:"grad_dtype"` // -1: as Compute
	GradClip         float64     `hlm:"grad_clip"`
	Threads          int64       `hlm:"threads"`
	OptimizerThreads int64       `hlm:"optimizer_threads"`
	HostLimitBytes   int64       `hlm:"host_limit_bytes"`
	DeviceLimitBytes int64       `hlm:"device_limit_bytes"`
	Optimizer        Algorithm   `hlm:"optimizer"`
	States           States      `hlm:"states"`
	Master           Master      `hlm:"master"`
	SnapshotBytes    int64       `hlm:"snapshot_bytes"`
	MachineJSON      string      `hlm:"machine_json"`
	NumericsJSON     string      `hlm:"numerics_json"`
	FrozenCopies     int64       `hlm:"frozen_copies"`
}

// DefaultPlanOptions are the library's defaults.
func DefaultPlanOptions() PlanOptions {
	var own PlanOptions
	with(native.NewHlm_plan_options, native.DeleteHlm_plan_options, func(n native.Hlm_plan_options) error { return read(n, &own) })
	return own
}

// TrainerOptions are AdamW and its schedule; begin with DefaultTrainerOptions. hlm_trainer_options in horizon_lm.h explains each.
type TrainerOptions struct {
	LR          float64  `hlm:"lr"`
	Beta1       float64  `hlm:"beta1"`
	Beta2       float64  `hlm:"beta2"`
	Eps         float64  `hlm:"eps"`
	WeightDecay float64  `hlm:"weight_decay"`
	Schedule    Schedule `hlm:"schedule"`
	WarmupSteps int64    `hlm:"warmup_steps"`
	TotalSteps  int64    `hlm:"total_steps"`
	MinLRRatio  float64  `hlm:"min_lr_ratio"`
	// TokenMetrics makes StepMetrics tell accuracy and entropy.
	TokenMetrics bool `hlm:"token_metrics"`
}

// DefaultTrainerOptions are the library's defaults.
func DefaultTrainerOptions() TrainerOptions {
	var own TrainerOptions
	with(native.NewHlm_trainer_options, native.DeleteHlm_trainer_options, func(n native.Hlm_trainer_options) error { return read(n, &own) })
	return own
}

// SaveOptions are the options of saving a model; begin with DefaultSaveOptions.
type SaveOptions struct {
	DType         DType `hlm:"dtype"`
	Overwrite     bool  `hlm:"overwrite"` // replace a folder that is not empty
	MaxShardBytes int64 `hlm:"max_shard_bytes"`
}

// DefaultSaveOptions are the library's defaults.
func DefaultSaveOptions() SaveOptions {
	var own SaveOptions
	with(native.NewHlm_save_options, native.DeleteHlm_save_options, func(n native.Hlm_save_options) error { return read(n, &own) })
	return own
}

// OptimizerOptions are the options of an Optimizer; begin with DefaultOptimizerOptions.
type OptimizerOptions struct {
	Beta1       float64   `hlm:"beta1"`
	Beta2       float64   `hlm:"beta2"`
	Eps         float64   `hlm:"eps"`
	WeightDecay float64   `hlm:"weight_decay"`
	Threads     int64     `hlm:"threads"`
	Algorithm   Algorithm `hlm:"algorithm"`
	States      States    `hlm:"states"`
}

// DefaultOptimizerOptions are the library's defaults.
func DefaultOptimizerOptions() OptimizerOptions {
	var own OptimizerOptions
	with(native.NewHlm_optimizer_options, native.DeleteHlm_optimizer_options, func(n native.Hlm_optimizer_options) error { return read(n, &own) })
	return own
}

// with runs body on a native struct that lives for its length.
func with[T interface{ Swigcptr() uintptr }](make func() T, free func(T), body func(T) error) error {
	own := make()
	if own.Swigcptr() == 0 {
		return errorf(ResourceExhausted, "out of memory")
	}
	defer free(own)
	return body(own)
}

// withOptions runs body on a native struct with options' values, or without one, which stands for the defaults, where options is nil.
func withOptions[T interface{ Swigcptr() uintptr }, O any](make func() T, free func(T), options *O, body func(T) error) error {
	if options == nil {
		var none T
		return body(none)
	}
	return with(make, free, func(own T) error {
		if err := write(own, options); err != nil {
			return err
		}
		return body(own)
	})
}

// member is the name of SWIG's setter or getter: "SetBatch_size".
func member(verb, tag string) string { return verb + string(tag[0]-'a'+'A') + tag[1:] }

// write sets the members of a native struct from the fields of *options.
func write(own any, options any) error {
	to, from := reflect.ValueOf(own), reflect.ValueOf(options).Elem()
	for i := 0; i < from.NumField(); i++ {
		tag := from.Type().Field(i).Tag.Get("hlm")
		if tag == "" {
			continue
		}
		set := to.MethodByName(member("Set", tag))
		value := from.Field(i)
		switch value.Kind() {
		case reflect.Bool:
			number := int32(0)
			if value.Bool() {
				number = 1
			}
			value = reflect.ValueOf(number)
		case reflect.String:
			if value.Len() == 0 {
				continue
			}
			if err := checkText(tag, value.String()); err != nil {
				return err
			}
		}
		set.Call([]reflect.Value{value.Convert(set.Type().In(0))})
	}
	return nil
}

// read sets the fields of *options from the members of a native struct.
func read(own any, options any) error {
	from, to := reflect.ValueOf(own), reflect.ValueOf(options).Elem()
	for i := 0; i < to.NumField(); i++ {
		tag := to.Type().Field(i).Tag.Get("hlm")
		if tag == "" {
			continue
		}
		value := from.MethodByName(member("Get", tag)).Call(nil)[0]
		if to.Field(i).Kind() == reflect.Bool {
			to.Field(i).SetBool(value.Int() != 0)
		} else {
			to.Field(i).Set(value.Convert(to.Field(i).Type()))
		}
	}
	return nil
}
