package horizonlm

import (
	"reflect"

	"horizonlm/internal/native"
)

// DType is the type of numbers.
type DType int32

// The types of numbers.
const (
	F32       = DType(native.HLM_DTYPE_F32 + 1)
	BF16      = DType(native.HLM_DTYPE_BF16 + 1)
	F16       = DType(native.HLM_DTYPE_F16 + 1)
	DTypeAuto = DType(native.HLM_DTYPE_AUTO + 1)   // when saving: the type of the source's weights, BF16 for those that it has packed
	Source    = DType(native.HLM_DTYPE_SOURCE + 1) // when saving: packed weights are packed again
)

// Purpose is what a plan is for.
type Purpose int32

// The purposes of a plan.
const (
	Train           = Purpose(native.HLM_PURPOSE_TRAIN + 1)
	ForwardBackward = Purpose(native.HLM_PURPOSE_FORWARD_BACKWARD + 1)
	Forward         = Purpose(native.HLM_PURPOSE_FORWARD + 1)
)

// Activations says which activations are kept for the backward pass.
type Activations int32

// The policies of activations.
const (
	ActivationsAuto      = Activations(native.HLM_ACTIVATIONS_AUTO + 1)
	ActivationsKeep      = Activations(native.HLM_ACTIVATIONS_KEEP + 1)
	ActivationsKeepCheap = Activations(native.HLM_ACTIVATIONS_KEEP_CHEAP + 1)
	ActivationsRecompute = Activations(native.HLM_ACTIVATIONS_RECOMPUTE + 1)
)

// BlockInputs says where the inputs of blocks wait for the backward pass.
type BlockInputs int32

// The places of block inputs.
const (
	BlockInputsAuto   = BlockInputs(native.HLM_BLOCK_INPUTS_AUTO + 1)
	BlockInputsDevice = BlockInputs(native.HLM_BLOCK_INPUTS_DEVICE + 1)
	BlockInputsHost   = BlockInputs(native.HLM_BLOCK_INPUTS_HOST + 1)
)

// Timing says when the optimizer runs.
type Timing int32

// The timings of the optimizer.
const (
	TimingNextForward = Timing(native.HLM_TIMING_NEXT_FORWARD + 1)
	TimingBackward    = Timing(native.HLM_TIMING_BACKWARD + 1)
	TimingSerial      = Timing(native.HLM_TIMING_SERIAL + 1)
	TimingAuto        = Timing(native.HLM_TIMING_AUTO + 1)
)

// Algorithm is an optimizer's.
type Algorithm int32

// The algorithms of optimizers.
const (
	AdamW = Algorithm(native.HLM_OPTIMIZER_ADAMW + 1)
	Adam  = Algorithm(native.HLM_OPTIMIZER_ADAM + 1)
	SGD   = Algorithm(native.HLM_OPTIMIZER_SGD + 1)
	Lion  = Algorithm(native.HLM_OPTIMIZER_LION + 1)
)

// States says how moments are stored.
type States int32

// The ways of storing moments.
const (
	StatesF32  = States(native.HLM_STATES_F32 + 1)
	StatesBF16 = States(native.HLM_STATES_BF16 + 1)
	StatesInt8 = States(native.HLM_STATES_INT8 + 1)
	StatesAuto = States(native.HLM_STATES_AUTO + 1) // of a plan: the most exact that fits
)

// Master says whether weights have a remainder beside their bf16 form.
type Master int32

// The masters.
const (
	MasterSplit = Master(native.HLM_MASTER_SPLIT + 1)
	MasterNone  = Master(native.HLM_MASTER_NONE + 1)
	MasterAuto  = Master(native.HLM_MASTER_AUTO + 1)
)

// OptimizerPath is what an update of the optimizer is made of on the host.
type OptimizerPath int32

// The paths of the optimizer.
const (
	PathAuto   = OptimizerPath(native.HLM_PATH_AUTO + 1)   // the faster one by this machine's measured rates; of an Optimizer PathFused
	PathFused  = OptimizerPath(native.HLM_PATH_FUSED + 1)  // one fused loop: the same bits on every machine
	PathOneDNN = OptimizerPath(native.HLM_PATH_ONEDNN + 1) // the primitives of oneDNN: AdamW with F32 states and an exact master only
)

// ExpertsUp says which experts of a mixture go up: no bit depends on it.
type ExpertsUp int32

// What it may be.
const (
	ExpertsUpAuto   = ExpertsUp(native.HLM_EXPERTS_UP_AUTO + 1)   // routed where tokens are so few that it is faster as predicted, else all
	ExpertsUpAll    = ExpertsUp(native.HLM_EXPERTS_UP_ALL + 1)    // all, ahead of their turn
	ExpertsUpRouted = ExpertsUp(native.HLM_EXPERTS_UP_ROUTED + 1) // those that a row of the sweep chose, once the router has run
)

// Route says how several devices share a step: no bit depends on it.
type Route int32

// The routes.
const (
	RouteAuto = Route(native.HLM_ROUTE_AUTO + 1) // the faster one as predicted from this machine's measured rates
	RouteHost = Route(native.HLM_ROUTE_HOST + 1) // each takes all weights from host memory, where gradients are added
	RoutePeer = Route(native.HLM_ROUTE_PEER + 1) // each takes a shard of them, gets the rest from the others and adds a shard of the gradients
)

// ProcessStates says who keeps masters, moments and sums of gradients where several processes share a step: no bit depends on it.
type ProcessStates int32

// Who keeps states.
const (
	ProcessStatesAuto      = ProcessStates(native.HLM_PROCESS_STATES_AUTO + 1)      // sharded where there are several processes
	ProcessStatesSharded   = ProcessStates(native.HLM_PROCESS_STATES_SHARDED + 1)   // each keeps and updates a share of every part
	ProcessStatesReplicate = ProcessStates(native.HLM_PROCESS_STATES_REPLICATE + 1) // each keeps and updates everything
)

// Carrier says what carries arrays between the processes of a group: no bit depends on it.
type Carrier int32

// The carriers.
const (
	CarrierAuto = Carrier(native.HLM_CARRIER_AUTO + 1) // gradients and weights by NCCL where every process trains on GPUs and finds it, all else by Gloo
	CarrierGloo = Carrier(native.HLM_CARRIER_GLOO + 1) // Gloo over TCP, from host memory
	CarrierNCCL = Carrier(native.HLM_CARRIER_NCCL + 1) // as CarrierAuto, and a trainer without NCCL is refused
	CarrierMPI  = Carrier(native.HLM_CARRIER_MPI + 1)  // MPI, which has started the processes
)

// AuxScope says over which tokens the balancing loss of a mixture takes its means.
type AuxScope int32

// The scopes of the balancing loss.
const (
	AuxScopeStep     = AuxScope(native.HLM_AUX_SCOPE_STEP + 1)     // all of a call
	AuxScopeGroup    = AuxScope(native.HLM_AUX_SCOPE_GROUP + 1)    // each reduction group: the share of one device
	AuxScopeSequence = AuxScope(native.HLM_AUX_SCOPE_SEQUENCE + 1) // each document
)

// Unrouted says what an update does with experts that no token of the step chose.
type Unrouted int32

// What is done with experts that no token chose.
const (
	UnroutedZero = Unrouted(native.HLM_UNROUTED_ZERO + 1) // their gradient is zero: moments decay, weights move with them and decay
	UnroutedSkip = Unrouted(native.HLM_UNROUTED_SKIP + 1) // they are left alone, and count their own updates
)

// Schedule is the course of the learning rate.
type Schedule int32

// The schedules.
const (
	Constant = Schedule(native.HLM_SCHEDULE_CONSTANT + 1)
	Linear   = Schedule(native.HLM_SCHEDULE_LINEAR + 1)
	Cosine   = Schedule(native.HLM_SCHEDULE_COSINE + 1)
)

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

// write sets the members of a native struct, which has the defaults, from the fields of *options. What a zero means is said where the structs are.
func write(own any, options any) error {
	to, from := reflect.ValueOf(own), reflect.ValueOf(options).Elem()
	begun := from.FieldByName("begun").Bool()
	for i := 0; i < from.NumField(); i++ {
		field, tag := from.Type().Field(i), from.Type().Field(i).Tag.Get("hlm")
		if tag == "" {
			continue
		}
		value := from.Field(i)
		if value.IsZero() && (!begun || value.Kind() == reflect.String || enumerated(field.Type)) {
			if value.Kind() == reflect.Bool && to.MethodByName(member("Get", tag)).Call(nil)[0].Int() != 0 {
				name := from.Type().Name()
				return errorf(InvalidArgument, "%s is false, by default true, in %s that do not begin with Default%s: false cannot be told from what was not set",
					field.Name, name, name)
			}
			continue
		}
		set := to.MethodByName(member("Set", tag))
		switch {
		case value.Kind() == reflect.Bool:
			number := int32(0)
			if value.Bool() {
				number = 1
			}
			value = reflect.ValueOf(number)
		case value.Kind() == reflect.String:
			if err := checkText(tag, value.String()); err != nil {
				return err
			}
		case enumerated(field.Type):
			value = reflect.ValueOf(int32(value.Int() - 1))
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
		switch {
		case to.Field(i).Kind() == reflect.Bool:
			to.Field(i).SetBool(value.Int() != 0)
		case enumerated(to.Field(i).Type()):
			to.Field(i).SetInt(value.Int() + 1)
		default:
			to.Field(i).Set(value.Convert(to.Field(i).Type()))
		}
	}
	return nil
}

// enumerated says whether a field is one of this package's enumerations, whose constants are C's and one more: zero is the default.
func enumerated(kind reflect.Type) bool { return kind.Kind() == reflect.Int32 && kind.PkgPath() != "" }
