package horizonlm

import (
	"reflect"
	"runtime"

	"horizonlm/internal/native"
)

// Weights is the weights of a trainer as they were at one moment.
type Weights struct{ box uintptr }

// KeepWeights keeps the weights as they are now, as a reference. ResourceExhausted where the plan's FrozenCopies are all in use; closing one
// frees its place.
func (t *Trainer) KeepWeights() (*Weights, error) {
	defer runtime.KeepAlive(t)
	var box uintptr
	if err := native.Hlm_trainer_keep_weights(t.handle(), &box); err != nil {
		return nil, err
	}
	w := &Weights{box}
	runtime.SetFinalizer(w, func(w *Weights) { native.Hlm_weights_free(w.box) })
	return w, nil
}

// Close frees what was kept. It may be called more than once, also after the trainer's end.
func (w *Weights) Close() error {
	defer runtime.KeepAlive(w)
	return native.Hlm_weights_close(w.handle())
}

// String says what it is in a line. It never fails.
func (w *Weights) String() string {
	defer runtime.KeepAlive(w)
	return line("Weights", w.handle(), native.Hlm_weights_closed, nil)
}

func (w *Weights) handle() uintptr {
	if w == nil {
		return 0
	}
	return w.box
}

// Logprobs is what Trainer.Logprobs writes, each len(batch.IDs) long; those that are nil are not computed.
type Logprobs struct {
	Logprobs  []float32 // of the token at its place, given those before it; 0 at a document's first, and where a label is -100
	Entropies []float32 // of each prediction, in nats
	Greedy    []float32 // of the likeliest token
}

// Logprobs writes the log-probabilities of the labels, forward only, for a batch of any size. kept: under weights that this trainer kept; nil:
// the current ones.
func (t *Trainer) Logprobs(batch *Batch, kept *Weights, out *Logprobs) error {
	defer runtime.KeepAlive(t)
	defer runtime.KeepAlive(kept)
	if batch == nil {
		return errNilBatch
	}
	if out == nil {
		return errorf(InvalidArgument, "what is to be written, out, is nil")
	}
	return native.Hlm_trainer_logprobs(t.handle(), kept.handle(), batch.IDs, batch.offsets(), batch.Labels, batch.Weights, batch.Denominator,
		batch.EntropyWeights, batch.Temperature, out.Logprobs, out.Entropies, out.Greedy)
}

// EvaluateKept is Evaluate under weights that this trainer kept.
func (t *Trainer) EvaluateKept(batch *Batch, kept *Weights) (Evaluation, error) {
	defer runtime.KeepAlive(t)
	defer runtime.KeepAlive(kept)
	var result Evaluation
	if batch == nil {
		return result, errNilBatch
	}
	err := native.Hlm_trainer_evaluate_weights(t.handle(), kept.handle(), batch.IDs, batch.offsets(), batch.Labels, batch.Weights, batch.Denominator,
		batch.EntropyWeights, batch.Temperature, &result.Loss, &result.Tokens)
	return result, err
}

// SumLogprobs sums over each document, in double and in order: weight * logprob, and the weights. Reference sums made so give a first DPO loss
// of ln 2.
func (b *Batch) SumLogprobs(logprobs []float32) (sums, tokens []float64, err error) {
	if b == nil {
		return nil, nil, errNilBatch
	}
	n := len(b.offsets()) - 1
	if n < 0 {
		n = 0
	}
	sums, tokens = make([]float64, n), make([]float64, n)
	err = native.Hlm_batch_sum_logprobs(b.IDs, b.offsets(), b.Labels, b.Weights, b.Denominator, b.EntropyWeights, b.Temperature, logprobs, sums, tokens)
	return sums, tokens, err
}

// PreferenceKind is the form of a loss on pairs; docs/objectives.md has the formulas.
type PreferenceKind int32

// The losses on pairs.
const (
	PreferenceSigmoid     = PreferenceKind(native.HLM_PREFERENCE_SIGMOID + 1) // DPO
	PreferenceRobust      = PreferenceKind(native.HLM_PREFERENCE_ROBUST + 1)
	PreferenceHinge       = PreferenceKind(native.HLM_PREFERENCE_HINGE + 1)
	PreferenceIPO         = PreferenceKind(native.HLM_PREFERENCE_IPO + 1)
	PreferenceSigmoidNorm = PreferenceKind(native.HLM_PREFERENCE_SIGMOID_NORM + 1)
	PreferenceEXOPair     = PreferenceKind(native.HLM_PREFERENCE_EXO_PAIR + 1)
	PreferenceNCAPair     = PreferenceKind(native.HLM_PREFERENCE_NCA_PAIR + 1)
	PreferenceBCOPair     = PreferenceKind(native.HLM_PREFERENCE_BCO_PAIR + 1)
	PreferenceSPPOHard    = PreferenceKind(native.HLM_PREFERENCE_SPPO_HARD + 1)
	PreferenceAPOZero     = PreferenceKind(native.HLM_PREFERENCE_APO_ZERO + 1)
	PreferenceAPODown     = PreferenceKind(native.HLM_PREFERENCE_APO_DOWN + 1)
	PreferenceORPO        = PreferenceKind(native.HLM_PREFERENCE_ORPO + 1)
	PreferenceSimPO       = PreferenceKind(native.HLM_PREFERENCE_SIMPO + 1)
)

// PreferenceMetrics is hlm_preference_metrics in horizon_lm.h. The loss is the batch's share of the step's, the others are means over pairs.
type PreferenceMetrics struct {
	Loss            float64
	RewardChosen    float64
	RewardRejected  float64
	Accuracy        float64
	Margin          float64
	LogprobChosen   float64
	LogprobRejected float64
	SFT             float64
	Pairs           int64
	Tokens          int64
}

// AccumulatePreference accumulates a loss on pairs: documents 2i are preferred to documents 2i + 1. Apply ends the step. The batch's weights, or
// labels of -100, say what counts. options may be nil only where no reference is needed, which the default does.
func (t *Trainer) AccumulatePreference(batch *Batch, options *PreferenceOptions) (PreferenceMetrics, error) {
	defer runtime.KeepAlive(t)
	var metrics PreferenceMetrics
	if batch == nil {
		return metrics, errNilBatch
	}
	var buffers PreferenceOptions
	if options != nil {
		buffers = *options
	}
	err := withOptions(native.NewHlm_preference_options, native.DeleteHlm_preference_options, options, func(own native.Hlm_preference_options) error {
		return fillMetrics(&metrics, func(out []float64) error {
			return native.Hlm_trainer_accumulate_preference(t.handle(), batch.IDs, batch.offsets(), batch.Labels, batch.Weights, batch.Denominator,
				batch.EntropyWeights, batch.Temperature, own, buffers.ReferenceSums, buffers.ReferenceLogprobs, out)
		})
	})
	return metrics, err
}

// KTOMetrics is hlm_kto_metrics in horizon_lm.h. The loss is the batch's share of the step's, the others are means over documents.
type KTOMetrics struct {
	Loss               float64
	KL                 float64
	RewardDesirable    float64
	RewardUndesirable  float64
	LogprobDesirable   float64
	LogprobUndesirable float64
	Desirable          int64
	Undesirable        int64
	Tokens             int64
}

// AccumulateKTO accumulates KTO: each document is desirable (1) or not (0). Apply ends the step.
func (t *Trainer) AccumulateKTO(batch *Batch, desirable []int32, options *KTOOptions) (KTOMetrics, error) {
	defer runtime.KeepAlive(t)
	var metrics KTOMetrics
	if batch == nil {
		return metrics, errNilBatch
	}
	var buffers KTOOptions
	if options != nil {
		buffers = *options
	}
	var other Batch
	if buffers.Mismatched != nil {
		other = *buffers.Mismatched
		other.Offsets = buffers.Mismatched.offsets()
	}
	err := withOptions(native.NewHlm_kto_options, native.DeleteHlm_kto_options, options, func(own native.Hlm_kto_options) error {
		return fillMetrics(&metrics, func(out []float64) error {
			return native.Hlm_trainer_accumulate_kto(t.handle(), batch.IDs, batch.offsets(), batch.Labels, batch.Weights, batch.Denominator,
				batch.EntropyWeights, batch.Temperature, own, desirable, buffers.ReferenceSums, buffers.ReferenceLogprobs, other.IDs, other.Offsets,
				other.Labels, other.Weights, buffers.MismatchedSums, out)
		})
	})
	return metrics, err
}

// PolicyKind is the form of a policy's loss.
type PolicyKind int32

// The forms of a policy's loss.
const (
	PolicyClip  = PolicyKind(native.HLM_POLICY_CLIP + 1)
	PolicyCISPO = PolicyKind(native.HLM_POLICY_CISPO + 1)
)

// Ratio is what ratios are of: tokens or whole sequences.
type Ratio int32

// The ratios.
const (
	RatioToken    = Ratio(native.HLM_RATIO_TOKEN + 1)
	RatioSequence = Ratio(native.HLM_RATIO_SEQUENCE + 1)
)

// KL is an estimator of the divergence from the reference, with d = logprob - reference.
type KL int32

// The estimators.
const (
	K1    = KL(native.HLM_KL_K1 + 1)  // d
	K2    = KL(native.HLM_KL_K2 + 1)  // d^2 / 2
	K3    = KL(native.HLM_KL_K3 + 1)  // exp(-d) - 1 + d
	KLAbs = KL(native.HLM_KL_ABS + 1) // |d|
)

// Reduction is how tokens' losses become the step's.
type Reduction int32

// The reductions.
const (
	TokenMean    = Reduction(native.HLM_REDUCTION_TOKEN_MEAN + 1)
	SequenceMean = Reduction(native.HLM_REDUCTION_SEQUENCE_MEAN + 1)
	SequenceSum  = Reduction(native.HLM_REDUCTION_SEQUENCE_SUM + 1)
)

// PolicyMetrics is hlm_policy_metrics in horizon_lm.h. The loss is the batch's share of the step's, the others are means over tokens.
type PolicyMetrics struct {
	Loss         float64
	Policy       float64
	KL           float64
	Entropy      float64
	Ratio        float64
	LeastRatio   float64
	LargestRatio float64
	ApproxKL     float64
	ClippedLow   float64
	ClippedHigh  float64
	ClippedDual  float64
	Importance   float64
	Weight       float64
	Tokens       int64
}

// AccumulatePolicy accumulates a policy-gradient loss (PPO, GRPO and their kin); advantages has one element an id. Apply ends the step.
func (t *Trainer) AccumulatePolicy(batch *Batch, advantages []float32, options *PolicyOptions) (PolicyMetrics, error) {
	defer runtime.KeepAlive(t)
	var metrics PolicyMetrics
	if batch == nil {
		return metrics, errNilBatch
	}
	var buffers PolicyOptions
	if options != nil {
		buffers = *options
	}
	err := withOptions(native.NewHlm_policy_options, native.DeleteHlm_policy_options, options, func(own native.Hlm_policy_options) error {
		return fillMetrics(&metrics, func(out []float64) error {
			return native.Hlm_trainer_accumulate_policy(t.handle(), batch.IDs, batch.offsets(), batch.Labels, batch.Weights, batch.Denominator,
				batch.EntropyWeights, batch.Temperature, own, advantages, buffers.OldLogprobs, buffers.ReferenceLogprobs, buffers.RolloutLogprobs, out)
		})
	})
	return metrics, err
}

// fillMetrics sets the fields of *metrics (float64, int64 or bool) to the numbers that call writes in the order of the C struct's members.
func fillMetrics(metrics any, call func([]float64) error) error {
	fields := reflect.ValueOf(metrics).Elem()
	numbers := make([]float64, fields.NumField())
	if err := call(numbers); err != nil {
		return err
	}
	for i, number := range numbers {
		switch field := fields.Field(i); field.Kind() {
		case reflect.Int64:
			field.SetInt(int64(number))
		case reflect.Bool:
			field.SetBool(number != 0)
		default:
			field.SetFloat(number)
		}
	}
	return nil
}
