// What the Go binding promises, against the installed library.
package bindingtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/horizon-lm/horizonlm"
)

const config = `{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": 32,
 "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
 "vocab_size": 16, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
 "tie_word_embeddings": false, "initializer_range": 0.02}`

func newModel(t testing.TB) *horizonlm.Model {
	model, err := horizonlm.CreateModel(config, 1)
	if err != nil {
		t.Fatal(err)
	}
	return model
}

func newTrainer(t testing.TB, rows, length int64) *horizonlm.Trainer {
	model := newModel(t)
	defer model.Close()
	shape := horizonlm.DefaultPlanOptions()
	shape.Device, shape.BatchSize, shape.SeqLen = "cpu", rows, length
	plan, err := horizonlm.NewPlan(model, &shape)
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	adamw := horizonlm.DefaultTrainerOptions()
	adamw.LR, adamw.TokenMetrics = 1e-2, true
	trainer, err := horizonlm.NewTrainer(model, plan, &adamw)
	if err != nil {
		t.Fatal(err)
	}
	return trainer
}

func batch() *horizonlm.Batch {
	return horizonlm.NewBatch([]int32{1, 2, 3, 4, 5, 6, 7, 8}, []int32{9, 8, 7, 6, 5})
}

func longBatch() *horizonlm.Batch {
	document := make([]int32, 64)
	for i := range document {
		document[i] = int32(i % 16)
	}
	documents := make([][]int32, 64)
	for i := range documents {
		documents[i] = document
	}
	return horizonlm.NewBatch(documents...)
}

// fails checks the code of an error and a part of its text.
func fails(t testing.TB, err error, code horizonlm.Code, part string) {
	t.Helper()
	var failure *horizonlm.Error
	if !errors.As(err, &failure) || failure.Code != code || !strings.Contains(failure.Message, part) {
		t.Fatalf("the error is %v; wanted %v: ...%s...", err, code, part)
	}
}

func succeeds(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestDefaultsAreTheLibrarys(t *testing.T) {
	plan := horizonlm.DefaultPlanOptions()
	if plan.Device != "auto" || plan.BatchSize != 8 || plan.SeqLen != 512 || plan.Prefetch != -1 || plan.GradClip != 1 || plan.Compute != horizonlm.BF16 || plan.GradDType != 0 {
		t.Errorf("%+v", plan)
	}
	trainer := horizonlm.DefaultTrainerOptions()
	if trainer.LR != 1e-5 || trainer.Beta2 != 0.999 || trainer.Schedule != horizonlm.Constant {
		t.Errorf("%+v", trainer)
	}
	save := horizonlm.DefaultSaveOptions()
	if save.DType != horizonlm.DTypeAuto || save.Overwrite || save.MaxShardBytes != 5<<30 {
		t.Errorf("%+v", save)
	}
	if horizonlm.DefaultOptimizerOptions().WeightDecay != 0.01 {
		t.Error("optimizer")
	}
}

// In a literal zeros are defaults, and an enumeration's constant is never zero.
func TestALiteralsZerosAreDefaults(t *testing.T) {
	model := newModel(t)
	defer model.Close()
	numerics := func(options *horizonlm.PlanOptions) string {
		t.Helper()
		plan, err := horizonlm.NewPlan(model, options)
		succeeds(t, err)
		defer plan.Close()
		json, err := plan.JSON()
		succeeds(t, err)
		return json
	}
	whole := horizonlm.DefaultPlanOptions()
	whole.Device, whole.BatchSize = "cpu", 2
	if numerics(&whole) != numerics(&horizonlm.PlanOptions{Device: "cpu", BatchSize: 2}) {
		t.Error("a literal is not the defaults with its fields")
	}
	if json := numerics(&horizonlm.PlanOptions{Device: "cpu", Compute: horizonlm.F32}); !regexp.MustCompile(`"compute": ?"f32"`).MatchString(json) {
		t.Error("F32, which is 0 in C, does not arrive: " + json)
	}
	for name, zero := range map[string]int32{"F32": int32(horizonlm.F32), "Source": int32(horizonlm.Source), "TimingNextForward": int32(horizonlm.TimingNextForward), "AdamW": int32(horizonlm.AdamW),
		"Constant": int32(horizonlm.Constant), "StatesF32": int32(horizonlm.StatesF32), "TrainOnAssistant": int32(horizonlm.TrainOnAssistant)} {
		if zero == 0 {
			t.Errorf("%s is 0", name)
		}
	}
	// With what Default... gives, a zero is one.
	whole.SeqLen = 0
	_, err := horizonlm.NewPlan(model, &whole)
	fails(t, err, horizonlm.InvalidArgument, "seq_len is 0")
	// False where true is the default cannot be told from what was not set.
	trainer := newTrainer(t, 2, 8)
	defer trainer.Close()
	_, err = trainer.Step(batch())
	succeeds(t, err)
	err = trainer.Save(t.TempDir(), &horizonlm.CheckpointOptions{Keep: 2})
	fails(t, err, horizonlm.InvalidArgument, "Background is false, by default true, in CheckpointOptions")
	succeeds(t, trainer.Save(t.TempDir(), &horizonlm.CheckpointOptions{Keep: 2, Background: true}))
}

func TestWhatIsNotThereIsFsErrNotExist(t *testing.T) {
	_, err := horizonlm.OpenModel("/no/such/folder")
	if !errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
	model := newModel(t)
	defer model.Close()
	folder := t.TempDir()
	succeeds(t, os.WriteFile(filepath.Join(folder, "mine"), nil, 0o600))
	if err := model.Save(folder, nil); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
}

// Every member of the header's structs is a field: the tags are read from the package, the members from the header.
func TestEveryMemberIsAField(t *testing.T) {
	header, err := os.ReadFile(os.Getenv("HLM_HEADER"))
	succeeds(t, err)
	for name, options := range map[string]any{
		"hlm_plan_options":       horizonlm.PlanOptions{},
		"hlm_trainer_options":    horizonlm.TrainerOptions{},
		"hlm_save_options":       horizonlm.SaveOptions{},
		"hlm_text_options":       horizonlm.TextOptions{},
		"hlm_optimizer_options":  horizonlm.OptimizerOptions{},
		"hlm_encode_options":     horizonlm.EncodeOptions{},
		"hlm_template_options":   horizonlm.TemplateOptions{},
		"hlm_checkpoint_options": horizonlm.CheckpointOptions{},
		"hlm_resume_options":     horizonlm.ResumeOptions{},
		"hlm_preference_options": horizonlm.PreferenceOptions{},
		"hlm_kto_options":        horizonlm.KTOOptions{},
		"hlm_policy_options":     horizonlm.PolicyOptions{},
	} {
		body := regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(string(header), "")
		body = body[strings.Index(body, "typedef struct "+name+" {"):]
		body = body[:strings.Index(body, "} "+name+";")]
		tags := map[string]bool{}
		for i, kind := 0, reflect.TypeOf(options); i < kind.NumField(); i++ {
			if tag := kind.Field(i).Tag.Get("hlm"); tag != "" {
				tags[tag] = true
			}
		}
		for _, line := range strings.Split(body, "\n")[1:] {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "size_t") || strings.HasPrefix(line, "int32_t reserved") || !strings.Contains(line, ";") {
				continue
			}
			if strings.Contains(line, "*") && !strings.HasPrefix(line, "const char*") && strings.Index(line, "*") < strings.Index(line, ";") {
				continue // a buffer: an argument of the call
			}
			names := strings.Fields(line[:strings.Index(line, ";")])[1:]
			for _, member := range names {
				member = strings.Trim(member, ",*")
				if member == "char" {
					continue
				}
				if !tags[member] {
					t.Errorf("%s: %s is no field", name, member)
				}
				delete(tags, member)
			}
		}
		if len(tags) != 0 {
			t.Errorf("%s: %v are no members", name, tags)
		}
	}
}

func TestWrongOptions(t *testing.T) {
	model := newModel(t)
	defer model.Close()
	shape := horizonlm.DefaultPlanOptions()
	shape.BatchSize = -1
	_, err := horizonlm.NewPlan(model, &shape)
	fails(t, err, horizonlm.InvalidArgument, "batch_size is -1")
	shape = horizonlm.DefaultPlanOptions()
	shape.Device = "tpu"
	_, err = horizonlm.NewPlan(model, &shape)
	fails(t, err, horizonlm.NotFound, "tpu")
	shape.Device = "c\x00pu"
	_, err = horizonlm.NewPlan(model, &shape)
	fails(t, err, horizonlm.InvalidArgument, "device holds a byte 0")
	shape.Device, shape.HostLimitBytes = "cpu", 1000
	_, err = horizonlm.NewPlan(model, &shape)
	fails(t, err, horizonlm.ResourceExhausted, "")
	_, err = horizonlm.NewPlan(nil, nil)
	fails(t, err, horizonlm.InvalidArgument, "the model is nil")
	_, err = horizonlm.NewTrainer(model, &horizonlm.Plan{}, nil)
	fails(t, err, horizonlm.InvalidArgument, "the plan is nil")
}

func TestModels(t *testing.T) {
	_, err := horizonlm.OpenModel("/no/such/folder")
	fails(t, err, horizonlm.NotFound, "/no/such")
	if !errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		t.Errorf("%v is no fs.ErrNotExist", err)
	}
	_, err = horizonlm.CreateModel("{not json", 1)
	if err == nil {
		t.Fatal("it is no config")
	}
	model := newModel(t)
	defer model.Close()
	info, err := model.Describe()
	succeeds(t, err)
	if info.VocabSize != 16 || len(info.Tensors) < 10 {
		t.Errorf("%+v", info)
	}
	folder := filepath.Join(t.TempDir(), "mödel 模型")
	succeeds(t, model.Save(folder, nil))
	fails(t, model.Save(folder, nil), horizonlm.AlreadyExists, "")
	if err := model.Save(folder, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("%v is no fs.ErrExist", err)
	}
	options := horizonlm.DefaultSaveOptions()
	options.Overwrite = true
	succeeds(t, model.Save(folder, &options))
	bytes, err := model.CheckSave(filepath.Join(t.TempDir(), "new"), nil)
	succeeds(t, err)
	if bytes <= info.Parameters {
		t.Errorf("%d bytes of %d parameters", bytes, info.Parameters)
	}
	if _, err := model.CheckSave(folder, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("%v is no fs.ErrExist", err)
	}
	succeeds(t, horizonlm.CheckCheckpoints(t.TempDir(), 1))
	fails(t, horizonlm.CheckCheckpoints(t.TempDir(), 1<<62), horizonlm.ResourceExhausted, "free")
	words, err := model.WithText(&horizonlm.TextOptions{StopIdsJSON: "[3, 5]"})
	succeeds(t, err)
	if text, err := words.JSON(); err != nil || !strings.Contains(text, `"stop_ids":[3,5]`) {
		t.Errorf("%v, %s", err, text)
	}
	succeeds(t, words.Close())
	again, err := horizonlm.OpenModel(folder)
	succeeds(t, err)
	succeeds(t, again.Close())
	devices, err := horizonlm.Devices()
	succeeds(t, err)
	if devices[len(devices)-1].Name != "cpu" {
		t.Errorf("%+v", devices)
	}
	auto, err := horizonlm.DescribeDevice("auto")
	succeeds(t, err)
	if auto.Details["reason"] == nil {
		t.Errorf("%+v", auto)
	}
	_, err = horizonlm.DescribeDevice("tpu")
	fails(t, err, horizonlm.NotFound, "tpu")
}

func TestClosing(t *testing.T) {
	trainer := newTrainer(t, 2, 8)
	if _, err := trainer.Step(batch()); err != nil { // its model and plan are closed
		t.Fatal(err)
	}
	succeeds(t, trainer.Close())
	succeeds(t, trainer.Close())
	_, err := trainer.Step(batch())
	fails(t, err, horizonlm.FailedPrecondition, "the trainer is closed")
	trainer.Cancel() // never fails
	model := newModel(t)
	succeeds(t, model.Close())
	_, err = model.Describe()
	fails(t, err, horizonlm.FailedPrecondition, "the model is closed")
	var none *horizonlm.Trainer
	fails(t, none.Finish(), horizonlm.InvalidArgument, "the trainer is nil")
	none.Cancel()
}

func TestWrongBatches(t *testing.T) {
	trainer := newTrainer(t, 2, 8)
	defer trainer.Close()
	for part, wrong := range map[string]*horizonlm.Batch{
		"n_labels":  {IDs: []int32{1, 2, 3}, Labels: []int32{1, 2}},
		"n_weights": {IDs: []int32{1, 2, 3}, Weights: []float32{1}},
		"99":        {IDs: []int32{1, 99}},
		"offsets":   {IDs: []int32{1, 2, 3}, Offsets: []int64{0, 2}},
		"nil":       nil,
	} {
		_, err := trainer.Step(wrong)
		fails(t, err, horizonlm.InvalidArgument, part)
		_, err = trainer.Evaluate(wrong)
		fails(t, err, horizonlm.InvalidArgument, part)
	}
	_, err := trainer.Step(&horizonlm.Batch{})
	fails(t, err, horizonlm.InvalidArgument, "")
	fails(t, trainer.Logits(batch(), []int64{0}, make([]float32, 15)), horizonlm.InvalidArgument, "n_logits is 15")
	fails(t, trainer.ReadTensor("model.norm.weight", horizonlm.Weight, 0, make([]float32, 33)), horizonlm.OutOfRange, "")
	fails(t, trainer.ReadTensor("model.norm.weight", horizonlm.Weight, -4, make([]float32, 1)), horizonlm.OutOfRange, "byteOffset is -4")
	fails(t, trainer.ReadTensor("no.such", horizonlm.Weight, 0, make([]float32, 1)), horizonlm.NotFound, "no.such")
	fails(t, trainer.ReadTensor("a\x00b", horizonlm.Weight, 0, make([]float32, 1)), horizonlm.InvalidArgument, "name holds a byte 0")
	_, err = trainer.Tensor("no.such", horizonlm.Weight)
	fails(t, err, horizonlm.NotFound, "no.such")
}

func TestTensors(t *testing.T) {
	trainer := newTrainer(t, 2, 8)
	defer trainer.Close()
	name := "model.layers.0.self_attn.q_proj.weight"
	if shape := trainer.Shape(name); len(shape) != 2 || shape[0] != 32 {
		t.Fatal(shape)
	}
	whole, err := trainer.Tensor(name, horizonlm.Weight)
	succeeds(t, err)
	for i := range whole {
		whole[i] *= 2
	}
	succeeds(t, trainer.WriteTensor(name, horizonlm.Weight, 0, whole))
	part := make([]float32, 3)
	succeeds(t, trainer.ReadTensor(name, horizonlm.Weight, 4*33, part))
	if part[0] != whole[33] || part[2] != whole[35] {
		t.Error("what was read is not what was written")
	}
	fails(t, trainer.WriteTensor(name, horizonlm.Weight, 0, []float32{float32(math.NaN())}), horizonlm.InvalidArgument, "")
}

func TestAccumulateAndApplyAreAStep(t *testing.T) {
	one, two := newTrainer(t, 2, 8), newTrainer(t, 2, 8)
	defer one.Close()
	defer two.Close()
	_, err := two.Apply()
	fails(t, err, horizonlm.FailedPrecondition, "")
	result, err := two.Accumulate(batch())
	succeeds(t, err)
	if result.Tokens != 11 {
		t.Error(result)
	}
	a, err := one.Step(batch())
	succeeds(t, err)
	b, err := two.Apply()
	succeeds(t, err)
	a.Seconds, b.Seconds = 0, 0
	if a != b {
		t.Errorf("%+v %+v", a, b)
	}
	if !(a.MeanTokenAccuracy >= 0 && a.MeanTokenAccuracy < 1 && a.Entropy > 1) {
		t.Errorf("%+v", a)
	}
	succeeds(t, two.SetLearningRate(0.5))
	c, err := two.Step(batch())
	succeeds(t, err)
	if c.LR != 0.5 {
		t.Error(c)
	}
	_, err = two.MetricsJSON()
	succeeds(t, err)
	trace := filepath.Join(t.TempDir(), "trace.json")
	fails(t, two.TraceWrite(trace), horizonlm.FailedPrecondition, "")
	succeeds(t, two.TraceStart())
	succeeds(t, two.TraceWrite(trace))
	succeeds(t, two.SetDeadline(1e-9))
	_, err = two.Step(batch())
	fails(t, err, horizonlm.DeadlineExceeded, "")
}

func losses(t testing.TB, steps int) []float64 {
	trainer := newTrainer(t, 2, 8)
	defer trainer.Close()
	var all []float64
	for i := 0; i < steps; i++ {
		metrics, err := trainer.Step(batch())
		if err != nil {
			t.Error(err)
			return nil
		}
		all = append(all, metrics.Loss)
	}
	return all
}

func TestTwoTrainersInTwoGoroutines(t *testing.T) {
	wanted := losses(t, 10)
	var group sync.WaitGroup
	for i := 0; i < 2; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			if found := losses(t, 10); !reflect.DeepEqual(found, wanted) {
				t.Errorf("%v; alone %v", found, wanted)
			}
		}()
	}
	group.Wait()
}

func TestContextEndsACall(t *testing.T) {
	trainer := newTrainer(t, 64, 64)
	defer trainer.Close()
	long := longBatch()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	var err error
	for err == nil {
		_, err = trainer.EvaluateContext(ctx, long)
	}
	fails(t, err, horizonlm.Cancelled, "")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	// Whenever the context ends, the next call is not touched by it.
	short := batch()
	for i := 0; i < 200; i++ {
		ctx, cancel := context.WithCancel(context.Background())
		delay := time.Duration(i*7%400) * time.Microsecond
		go func() {
			time.Sleep(delay)
			cancel()
		}()
		_, err := trainer.StepContext(ctx, short)
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		cancel()
		if _, err := trainer.Evaluate(short); err != nil {
			t.Fatalf("attempt %d: the call after the cancelled one ended with %v", i, err)
		}
	}
}

func TestCloseWhileInUse(t *testing.T) {
	trainer := newTrainer(t, 64, 64)
	long := longBatch()
	ended := make(chan error)
	go func() {
		for {
			if _, err := trainer.Evaluate(long); err != nil {
				ended <- err
				return
			}
		}
	}()
	wanted := horizonlm.FailedPrecondition
	for {
		if err := trainer.Close(); err != nil {
			fails(t, err, horizonlm.FailedPrecondition, "in use by another thread")
			wanted = horizonlm.Cancelled
			break
		}
		if _, err := trainer.MetricsJSON(); err != nil {
			break // closed between two calls
		}
	}
	trainer.Cancel()
	fails(t, <-ended, wanted, "")
	succeeds(t, trainer.Close())
}

func TestOtherGoroutinesRunDuringACall(t *testing.T) {
	trainer := newTrainer(t, 64, 64)
	defer trainer.Close()
	done := make(chan bool)
	go func() {
		_, _ = trainer.Evaluate(longBatch())
		close(done)
	}()
	turns := 0
	for {
		select {
		case <-done:
			if turns == 0 {
				t.Error("nothing else ran")
			}
			return
		default:
			turns++
			runtime.Gosched()
		}
	}
}

func TestOptimizer(t *testing.T) {
	options := horizonlm.DefaultOptimizerOptions()
	options.WeightDecay, options.Threads = 0, 1
	adamw, err := horizonlm.NewOptimizer(&options)
	succeeds(t, err)
	defer adamw.Close()
	const n = 100
	weight, gradient := make([]float32, n), make([]float32, n)
	squares := 0.0
	for i := range weight {
		weight[i], gradient[i] = 0.01*float32(i), float32(i-50)
		squares += float64(gradient[i]) * float64(gradient[i])
	}
	arrays := horizonlm.Arrays{Weight: weight, FirstMoment: make([]float32, n), SecondMoment: make([]float32, n), Gradient: horizonlm.Values{F32: gradient}}
	succeeds(t, adamw.Step(1, 1e-3, 1, &arrays))
	for i := range weight { // after the first step: lr * sign(g)
		sign := 0.0
		if i != 50 {
			sign = math.Copysign(1, float64(i-50))
		}
		if math.Abs(float64(weight[i])-(float64(0.01*float32(i))-1e-3*sign)) > 1e-6 {
			t.Fatal(i, weight[i])
		}
	}
	high, low, back := make([]uint16, n), make([]uint16, n), make([]float32, n)
	succeeds(t, adamw.Split(weight, high, low))
	succeeds(t, adamw.Join(high, low, back))
	if !reflect.DeepEqual(weight, back) {
		t.Error("Join does not give what was split")
	}
	if norm, err := adamw.SquaredNorm(horizonlm.Values{F32: gradient}); err != nil || norm != squares {
		t.Error(norm, err)
	}
	sum := make([]float32, n)
	succeeds(t, adamw.Accumulate(horizonlm.Values{F32: sum}, horizonlm.Values{F32: gradient}, 0))
	succeeds(t, adamw.Accumulate(horizonlm.Values{F32: sum}, horizonlm.Values{BF16: high}, 0))
	arrays.SecondMoment = arrays.SecondMoment[:10]
	fails(t, adamw.Step(1, 1e-3, 1, &arrays), horizonlm.InvalidArgument, "second_moment has 40 bytes")
	fails(t, adamw.Step(1, 1e-3, 1, nil), horizonlm.InvalidArgument, "nil")
}

func residentBytes(t testing.TB) int64 {
	for i := 0; i < 3; i++ {
		runtime.GC() // finalizers run beside it
		time.Sleep(20 * time.Millisecond)
	}
	text, err := os.ReadFile("/proc/self/statm")
	succeeds(t, err)
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	succeeds(t, err)
	return pages * int64(os.Getpagesize())
}

func TestCyclesDoNotGrow(t *testing.T) {
	cycles := 300
	if text := os.Getenv("HLM_CYCLES"); text != "" {
		cycles, _ = strconv.Atoi(text)
	}
	shape := horizonlm.DefaultPlanOptions()
	shape.Device, shape.BatchSize, shape.SeqLen = "cpu", 2, 8
	wrong := shape
	wrong.BatchSize = -1
	data := `{"data": "` + writeLines(t, `{"text": "abc"}`) + `", "cache_dir": null, "epochs": 1, "append_eos": false, "threads": 1, "task": "pretrain"}`
	cycle := func() {
		model := newModel(t)
		if _, err := horizonlm.NewPlan(model, &wrong); err == nil {
			t.Fatal("-1 rows")
		}
		plan, err := horizonlm.NewPlan(model, &shape)
		succeeds(t, err)
		_, err = plan.JSON()
		succeeds(t, err)
		succeeds(t, plan.Close())
		succeeds(t, model.Close())
		newModel(t) // and one that is forgotten
		cycleOfData(t, data)
	}
	warm := cycles/3 + 100
	if warm > 2000 {
		warm = 2000
	}
	for i := 0; i < warm; i++ {
		cycle()
	}
	before := residentBytes(t)
	for i := 0; i < cycles; i++ {
		cycle()
	}
	// The race detector keeps memory of its own for what it has seen.
	if grown := residentBytes(t) - before; grown > 16<<20 && !underRaceDetector {
		t.Errorf("%d bytes more after %d cycles", grown, cycles)
	}
}

// Run with spy.c preloaded: what arrives at the C interface is where the slices are.
func TestNoCopies(t *testing.T) {
	spied := os.Getenv("HLM_SPY")
	if spied == "" {
		t.Skip("without the spy")
	}
	trainer := newTrainer(t, 2, 8)
	defer trainer.Close()
	ids, weights := []int32{1, 2, 3, 4, 5}, []float32{1, 1, 1, 1, 1}
	out := make([]float32, 32)
	_, err := trainer.Evaluate(&horizonlm.Batch{IDs: ids, Weights: weights})
	succeeds(t, err)
	_, err = trainer.Evaluate(&horizonlm.Batch{IDs: ids[1:]})
	succeeds(t, err)
	succeeds(t, trainer.ReadTensor("model.norm.weight", horizonlm.Weight, 0, out[8:]))
	wanted := []string{
		fmt.Sprintf("evaluate %p 5 %p 5", unsafe.Pointer(&ids[0]), unsafe.Pointer(&weights[0])),
		fmt.Sprintf("evaluate %p 4 (nil) 0", unsafe.Pointer(&ids[1])),
		fmt.Sprintf("read %p 96 (nil) 0", unsafe.Pointer(&out[8])),
	}
	file, err := os.Open(spied)
	succeeds(t, err)
	defer file.Close()
	var found []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		found = append(found, lines.Text())
	}
	if !reflect.DeepEqual(found, wanted) {
		t.Errorf("passed %q, arrived %q", wanted, found)
	}
}

// As overhead.c, in a test: HLM_OVERHEAD is the number of steps.
func TestOverhead(t *testing.T) {
	steps, err := strconv.Atoi(os.Getenv("HLM_OVERHEAD"))
	if err != nil {
		t.Skip("not asked for")
	}
	larger := strings.NewReplacer(`"hidden_size": 32`, `"hidden_size": 64`, `"intermediate_size": 64`, `"intermediate_size": 192`,
		`"vocab_size": 16`, `"vocab_size": 256`, `"max_position_embeddings": 64`, `"max_position_embeddings": 128`).Replace(config)
	model, err := horizonlm.CreateModel(larger, 1)
	succeeds(t, err)
	defer model.Close()
	shape := horizonlm.DefaultPlanOptions()
	shape.Device, shape.BatchSize, shape.SeqLen = "cpu", 8, 128
	plan, err := horizonlm.NewPlan(model, &shape)
	succeeds(t, err)
	defer plan.Close()
	trainer, err := horizonlm.NewTrainer(model, plan, nil)
	succeeds(t, err)
	defer trainer.Close()
	rows := make([][]int32, 8)
	for i := range rows {
		rows[i] = make([]int32, 128)
		for j := range rows[i] {
			rows[i][j] = int32((i*128 + j) % 251)
		}
	}
	own := horizonlm.NewBatch(rows...)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	whole, beside := make([]float64, steps), make([]float64, steps)
	for i := range whole {
		begin := time.Now()
		metrics, err := trainer.StepContext(ctx, own)
		succeeds(t, err)
		whole[i] = time.Since(begin).Seconds()
		beside[i] = whole[i] - metrics.Seconds
	}
	sort.Float64s(whole)
	sort.Float64s(beside)
	fmt.Printf("%.9f %.9f\n", whole[steps/2], beside[steps/2])
}
