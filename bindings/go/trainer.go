package horizonlm

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"unsafe"

	"horizonlm/internal/native"
)

// Trainer trains a model under a plan.
type Trainer struct {
	box     uintptr
	about   string
	grouped bool
	shapes  map[string][]int64
	vocab   int64
}

// StepMetrics is what an optimizer step did; hlm_step_metrics in horizon_lm.h.
type StepMetrics struct {
	Step         int64
	Loss         float64
	GradNorm     float64
	LR           float64
	Tokens       int64
	Seconds      float64
	Skipped      bool
	SkippedUnits int64
	// -1 without TrainerOptions.TokenMetrics.
	MeanTokenAccuracy float64
	Entropy           float64
	// -1 where the loss has no such term: the routers' balancing loss, and the mean of logsumexp(router logits)^2, without coefficients.
	AuxLoss     float64
	RouterZLoss float64
	// -1 where the model has no experts: the most tokens of an expert over the mean, and the share of experts that no token chose.
	ExpertImbalance float64
	UnroutedExperts float64
}

// Evaluation is a mean loss and the number of tokens that it is the mean over.
type Evaluation struct {
	Loss   float64
	Tokens int64
}

// TensorKind is what is read or written of a tensor.
type TensorKind int32

// The kinds of tensors.
const (
	Weight       = TensorKind(native.HLM_TENSOR_WEIGHT)
	Gradient     = TensorKind(native.HLM_TENSOR_GRADIENT) // between Accumulate and Apply
	FirstMoment  = TensorKind(native.HLM_TENSOR_FIRST_MOMENT)
	SecondMoment = TensorKind(native.HLM_TENSOR_SECOND_MOMENT)
)

// NewTrainer allocates what the plan says and loads the weights; options may be nil. Model and plan may be closed afterwards.
func NewTrainer(model *Model, plan *Plan, options *TrainerOptions) (*Trainer, error) {
	return newTrainer(model, options, false, func(own native.Hlm_trainer_options, box *uintptr) error {
		defer runtime.KeepAlive(plan)
		return native.Hlm_trainer_create(model.handle(), plan.handle(), own, box)
	})
}

// NewTrainerInGroup makes a trainer that shares every step with those of the other processes of a group; every one of them makes the same
// calls, each with rows of its own. The plan must have been made with so many Processes; the group may be closed afterwards.
func NewTrainerInGroup(model *Model, plan *Plan, options *TrainerOptions, group *Group) (*Trainer, error) {
	place, err := group.Describe()
	if err != nil {
		return nil, err
	}
	return newTrainer(model, options, place.Size > 1, func(own native.Hlm_trainer_options, box *uintptr) error {
		defer runtime.KeepAlive(plan)
		defer runtime.KeepAlive(group)
		return native.Hlm_trainer_create_in_group(model.handle(), plan.handle(), own, group.handle(), box)
	})
}

func newTrainer(model *Model, options *TrainerOptions, grouped bool, make func(own native.Hlm_trainer_options, box *uintptr) error) (*Trainer, error) {
	defer runtime.KeepAlive(model)
	var box uintptr
	err := withOptions(native.NewHlm_trainer_options, native.DeleteHlm_trainer_options, options, func(own native.Hlm_trainer_options) error {
		return make(own, &box)
	})
	if err != nil {
		return nil, err
	}
	t := &Trainer{box: box, grouped: grouped, shapes: map[string][]int64{}}
	runtime.SetFinalizer(t, func(t *Trainer) { native.Hlm_trainer_free(t.box) })
	info, err := model.Describe()
	if err != nil {
		t.Close()
		return nil, err
	}
	t.about, t.vocab = info.Architecture+", "+count(info.Parameters, "parameter"), info.VocabSize
	for _, tensor := range info.Tensors {
		t.shapes[tensor.Name] = tensor.Shape
	}
	return t, nil
}

// Close frees the trainer. It may be called more than once; while another goroutine is in a call of the trainer it is refused with FailedPrecondition.
func (t *Trainer) Close() error {
	defer runtime.KeepAlive(t)
	return native.Hlm_trainer_close(t.handle())
}

// String says what it is in a line. It never fails.
func (t *Trainer) String() string {
	defer runtime.KeepAlive(t)
	return line("Trainer", t.handle(), native.Hlm_trainer_closed, func() (string, error) { return t.about, nil })
}

// Step makes one optimizer step: Accumulate, then Apply.
func (t *Trainer) Step(batch *Batch) (StepMetrics, error) {
	defer runtime.KeepAlive(t)
	if batch == nil {
		return StepMetrics{}, errNilBatch
	}
	return takeMetrics(func(own []float64) error {
		return native.Hlm_trainer_step(t.handle(), batch.IDs, batch.offsets(), batch.Labels, batch.Weights, batch.Denominator, batch.EntropyWeights, batch.Temperature, own)
	})
}

// StepContext is a Step that the context may end. The error is an *Error with the code Cancelled then, and wraps the context's. A step
// that is cancelled before its first update changes nothing and drops its gradient; after that it completes.
func (t *Trainer) StepContext(ctx context.Context, batch *Batch) (metrics StepMetrics, err error) {
	err = t.Under(ctx, func() error {
		metrics, err = t.Step(batch)
		return err
	})
	return metrics, err
}

// Accumulate runs forward and backward and adds the batch's gradient to what was accumulated since the last Apply; it changes no weight.
func (t *Trainer) Accumulate(batch *Batch) (Evaluation, error) {
	defer runtime.KeepAlive(t)
	var result Evaluation
	if batch == nil {
		return result, errNilBatch
	}
	err := native.Hlm_trainer_accumulate(t.handle(), batch.IDs, batch.offsets(), batch.Labels, batch.Weights, batch.Denominator, batch.EntropyWeights, batch.Temperature, &result.Loss, &result.Tokens)
	return result, err
}

// AccumulateContext is an Accumulate that the context may end; what was accumulated before is dropped then.
func (t *Trainer) AccumulateContext(ctx context.Context, batch *Batch) (result Evaluation, err error) {
	err = t.Under(ctx, func() error {
		result, err = t.Accumulate(batch)
		return err
	})
	return result, err
}

// Apply clips, updates the weights and forgets the gradient. FailedPrecondition where nothing was accumulated.
func (t *Trainer) Apply() (StepMetrics, error) {
	defer runtime.KeepAlive(t)
	return takeMetrics(func(own []float64) error { return native.Hlm_trainer_apply(t.handle(), own) })
}

// Discard forgets what was accumulated; no weight changes.
func (t *Trainer) Discard() error {
	defer runtime.KeepAlive(t)
	return native.Hlm_trainer_discard(t.handle())
}

// SetLearningRate sets a constant rate from the next Apply on, instead of the schedule's; negative: the schedule again.
func (t *Trainer) SetLearningRate(lr float64) error {
	defer runtime.KeepAlive(t)
	return native.Hlm_trainer_set_learning_rate(t.handle(), lr)
}

// Evaluate is the mean loss over the batch's predicted tokens; it changes nothing.
func (t *Trainer) Evaluate(batch *Batch) (Evaluation, error) {
	defer runtime.KeepAlive(t)
	var result Evaluation
	if batch == nil {
		return result, errNilBatch
	}
	err := native.Hlm_trainer_evaluate(t.handle(), batch.IDs, batch.offsets(), batch.Labels, batch.Weights, batch.Denominator, batch.EntropyWeights, batch.Temperature, &result.Loss, &result.Tokens)
	return result, err
}

// EvaluateContext is an Evaluate that the context may end.
func (t *Trainer) EvaluateContext(ctx context.Context, batch *Batch) (result Evaluation, err error) {
	err = t.Under(ctx, func() error {
		result, err = t.Evaluate(batch)
		return err
	})
	return result, err
}

// Logits writes the logits of the next token at places (rising indices into IDs; nil: every place) into logits: [places, vocabulary] floats,
// exactly.
func (t *Trainer) Logits(batch *Batch, places []int64, logits []float32) error {
	defer runtime.KeepAlive(t)
	if batch == nil {
		return errNilBatch
	}
	return native.Hlm_trainer_logits(t.handle(), batch.IDs, batch.offsets(), places, logits)
}

// VocabSize is the length of a row of logits; 0 for a nil Trainer.
func (t *Trainer) VocabSize() int64 {
	if t == nil {
		return 0
	}
	return t.vocab
}

// Shape is the shape of a tensor; nil for a name that the model lacks.
func (t *Trainer) Shape(name string) []int64 {
	if t == nil {
		return nil
	}
	return append([]int64(nil), t.shapes[name]...)
}

// ReadTensor reads len(data) floats of a tensor from byteOffset on, whatever it is stored as. NotFound for a name that the model lacks,
// OutOfRange past the end, FailedPrecondition for a kind that is not there now.
func (t *Trainer) ReadTensor(name string, kind TensorKind, byteOffset int64, data []float32) error {
	defer runtime.KeepAlive(t)
	if err := checkTensor(name, byteOffset); err != nil {
		return err
	}
	return native.Hlm_trainer_read_tensor(t.handle(), name, int32(kind), byteOffset, bytesOf(data))
}

// Tensor reads a whole tensor into a new slice, row by row; Shape tells its dimensions.
func (t *Trainer) Tensor(name string, kind TensorKind) ([]float32, error) {
	n := int64(1)
	for _, extent := range t.Shape(name) { // of a name that the model lacks there are none: the library refuses it
		n *= extent
	}
	data := make([]float32, n)
	if err := t.ReadTensor(name, kind, 0, data); err != nil {
		return nil, err
	}
	return data, nil
}

// WriteTensor is the inverse of ReadTensor. Values must be finite.
func (t *Trainer) WriteTensor(name string, kind TensorKind, byteOffset int64, data []float32) error {
	defer runtime.KeepAlive(t)
	if err := checkTensor(name, byteOffset); err != nil {
		return err
	}
	return native.Hlm_trainer_write_tensor(t.handle(), name, int32(kind), byteOffset, bytesOf(data))
}

// SaveModel writes the current weights as a Hugging Face folder; options may be nil. It never leaves a half-written folder.
func (t *Trainer) SaveModel(folder string, options *SaveOptions) error {
	defer runtime.KeepAlive(t)
	if err := checkText("folder", folder); err != nil {
		return err
	}
	return withOptions(native.NewHlm_save_options, native.DeleteHlm_save_options, options, func(own native.Hlm_save_options) error {
		return native.Hlm_trainer_save_model(t.handle(), folder, own)
	})
}

// MetricsJSON is counters since creation as a JSON object; docs/metrics.md lists the keys.
func (t *Trainer) MetricsJSON() (string, error) {
	defer runtime.KeepAlive(t)
	var text uintptr
	if err := native.Hlm_trainer_metrics(t.handle(), &text); err != nil {
		return "", err
	}
	return takeText(text), nil
}

// TraceStart starts recording a trace, forgetting an earlier one.
func (t *Trainer) TraceStart() error {
	defer runtime.KeepAlive(t)
	return native.Hlm_trainer_trace_start(t.handle())
}

// TraceWrite ends the trace and writes it as Chrome/Perfetto JSON.
func (t *Trainer) TraceWrite(path string) error {
	defer runtime.KeepAlive(t)
	if err := checkText("path", path); err != nil {
		return err
	}
	return native.Hlm_trainer_trace_write(t.handle(), path)
}

// Cancel asks the call in progress, or the next one, to end with Cancelled. Any goroutine may call it; it never fails.
func (t *Trainer) Cancel() {
	defer runtime.KeepAlive(t)
	if box := t.handle(); box != 0 {
		native.Hlm_trainer_cancel(box)
	}
}

// SetDeadline makes every later call that Cancel ends (steps, what accumulates, Apply, evaluations, logits and log-probabilities) end with
// DeadlineExceeded once it ran for so many seconds; 0: no limit.
func (t *Trainer) SetDeadline(seconds float64) error {
	defer runtime.KeepAlive(t)
	return native.Hlm_trainer_set_deadline(t.handle(), seconds)
}

// Finish waits for pending updates.
func (t *Trainer) Finish() error {
	defer runtime.KeepAlive(t)
	return native.Hlm_trainer_finish(t.handle())
}

var errNilBatch = errorf(InvalidArgument, "the batch is nil")

func (t *Trainer) handle() uintptr {
	if t == nil {
		return 0
	}
	return t.box
}

// Under runs call, which makes one call of this trainer, and cancels that when ctx ends, as StepContext does for Step. In a group a context that
// ends when the call has just returned ends the next call of every process.
func (t *Trainer) Under(ctx context.Context, call func() error) error {
	if ctx == nil {
		return errorf(InvalidArgument, "the context is nil")
	}
	if call == nil {
		return errorf(InvalidArgument, "the call is nil")
	}
	if err := ctx.Err(); err != nil {
		return &Error{Code: Cancelled, Message: "the context ended before the call began: " + err.Error(), cause: err}
	}
	if ctx.Done() == nil {
		return call()
	}
	const (
		running int32 = iota
		over          // the call returned first: the watcher goes without a word, and nobody waits for it
		ended         // the context ended first: the watcher cancels
	)
	state := running
	returned, asked := make(chan struct{}), make(chan struct{})
	go func() {
		select {
		case <-ctx.Done():
			if atomic.CompareAndSwapInt32(&state, running, ended) {
				t.Cancel()
				close(asked)
			}
		case <-returned:
		}
	}()
	err := call()
	if atomic.CompareAndSwapInt32(&state, running, over) {
		close(returned)
		return err
	}
	<-asked
	var failure *Error
	if errors.As(err, &failure) && failure.Code == Cancelled {
		failure.cause = ctx.Err()
		return failure
	}
	// The request came too late for this call and must not end the next one: a call that changes nothing takes it. Of a group it would need all processes.
	if t != nil && !t.grouped {
		_, _ = t.Evaluate(&Batch{IDs: []int32{0, 0}})
	}
	return err
}

func takeMetrics(call func([]float64) error) (StepMetrics, error) {
	var metrics StepMetrics
	err := fillMetrics(&metrics, call)
	return metrics, err
}

func checkTensor(name string, byteOffset int64) error {
	if byteOffset < 0 {
		return errorf(OutOfRange, "byteOffset is %d; it must not be negative", byteOffset)
	}
	return checkText("name", name)
}

// bytesOf views the memory of a slice.
func bytesOf[T float32 | uint16 | byte](data []T) []byte {
	if len(data) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&data[0])), uintptr(len(data))*unsafe.Sizeof(data[0]))
}
