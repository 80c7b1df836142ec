package bindingtest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/horizon-lm/horizonlm"
)

// A token a byte; 256 to 258: <|im_start|>, <|im_end|>, <|end|>.
func modelFolder() string { return os.Getenv("HLM_MODEL") }

func openTokenizer(t testing.TB, path string) *horizonlm.Tokenizer {
	tokenizer, err := horizonlm.OpenTokenizer(path)
	succeeds(t, err)
	return tokenizer
}

func bytesAsIDs(text string, more ...int32) []int32 {
	ids := []int32{}
	for _, b := range []byte(text) {
		ids = append(ids, int32(b))
	}
	return append(ids, more...)
}

// The ids and texts that Hugging Face's tokenizers makes.
func TestTokenizersOfOthers(t *testing.T) {
	text, err := os.ReadFile(os.Getenv("HLM_TOKENIZER_GOLDENS"))
	succeeds(t, err)
	var goldens struct {
		Models map[string]map[string]any `json:"models"`
		Cases  map[string]struct {
			Model     string              `json:"model"`
			Tokenizer map[string]any      `json:"tokenizer"`
			Texts     [][]json.RawMessage `json:"texts"`
		} `json:"cases"`
	}
	succeeds(t, json.Unmarshal(text, &goldens))
	folder, compared := t.TempDir(), 0
	for name, golden := range goldens.Cases {
		model := map[string]any{}
		for key, value := range goldens.Models[golden.Model] {
			model[key] = value
		}
		for key, value := range golden.Tokenizer["model"].(map[string]any) {
			model[key] = value
		}
		golden.Tokenizer["model"] = model
		whole, err := json.Marshal(golden.Tokenizer)
		succeeds(t, err)
		succeeds(t, os.WriteFile(filepath.Join(folder, "tokenizer.json"), whole, 0o666))
		tokenizer := openTokenizer(t, folder)
		decoder, err := horizonlm.NewDecoder(tokenizer, false)
		succeeds(t, err)
		for _, one := range golden.Texts {
			var text, decoded, skipped string
			var ids []int32
			for i, to := range []any{&text, &ids, &decoded, &skipped} {
				succeeds(t, json.Unmarshal(one[i], to))
			}
			found, err := tokenizer.Encode(text, nil)
			succeeds(t, err)
			if len(found) != len(ids) || len(ids) > 0 && !reflect.DeepEqual(found, ids) {
				t.Fatalf("%s: %q becomes %v, not %v", name, text, found, ids)
			}
			again, err := tokenizer.Decode(ids, false)
			succeeds(t, err)
			short, err := tokenizer.Decode(ids, true)
			succeeds(t, err)
			streamed := ""
			for _, id := range ids {
				part, err := decoder.Push(id)
				succeeds(t, err)
				streamed += part
			}
			part, err := decoder.Finish()
			succeeds(t, err)
			if again != decoded || short != skipped || streamed+part != decoded {
				t.Fatalf("%s: %v becomes %q, %q, %q; not %q, %q", name, ids, again, short, streamed+part, decoded, skipped)
			}
			compared++
		}
		succeeds(t, decoder.Close())
		succeeds(t, tokenizer.Close())
	}
	if compared < 2000 {
		t.Error(compared)
	}
}

func TestTokenizer(t *testing.T) {
	tokenizer := openTokenizer(t, modelFolder())
	options := horizonlm.DefaultEncodeOptions()
	if !options.AddSpecialTokens || options.OffsetsIn != horizonlm.OffsetsInBytes {
		t.Error(options)
	}
	ids, offsets, err := tokenizer.EncodeWithOffsets("a\x00é<|end|>", nil)
	succeeds(t, err)
	if !reflect.DeepEqual(ids, []int32{97, 0, 0xC3, 0xA9, 258}) || !reflect.DeepEqual(offsets, []int64{0, 1, 1, 2, 2, 4, 2, 4, 4, 11}) {
		t.Error(ids, offsets)
	}
	options.Plain = []int64{1, 8}
	ids, err = tokenizer.Encode("x<|end|>", &options)
	succeeds(t, err)
	if !reflect.DeepEqual(ids, bytesAsIDs("x<|end|>")) {
		t.Error(ids)
	}
	text, err := tokenizer.Decode([]int32{97, 0, 98, 258}, true)
	succeeds(t, err)
	if text != "a\x00b" {
		t.Errorf("%q", text)
	}
	id, err := tokenizer.ID("<|end|>")
	succeeds(t, err)
	token, err := tokenizer.Token(id)
	succeeds(t, err)
	info, err := tokenizer.Describe()
	succeeds(t, err)
	if id != 258 || token != "<|end|>" || info.VocabSize != 259 || info.SpecialTokens["eos_token"] != "<|end|>" {
		t.Error(id, token, info)
	}
	var group sync.WaitGroup // any number of goroutines
	for i := 0; i < 4; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for j := 0; j < 50; j++ {
				if ids, err := tokenizer.Encode(strings.Repeat("the quick ", 50), nil); err != nil || len(ids) != 500 {
					t.Error(len(ids), err)
				}
			}
		}()
	}
	group.Wait()
	_, err = tokenizer.Token(9999)
	fails(t, err, horizonlm.NotFound, "9999")
	_, err = tokenizer.ID("nope")
	fails(t, err, horizonlm.NotFound, "nope")
	_, err = tokenizer.Encode("a\xff", nil)
	fails(t, err, horizonlm.InvalidArgument, "byte 1")
	options.Plain = []int64{3}
	_, err = tokenizer.Encode("abc", &options)
	fails(t, err, horizonlm.InvalidArgument, "plain")
	_, err = horizonlm.OpenTokenizer("/no/such")
	fails(t, err, horizonlm.NotFound, "/no/such")
	decoder, err := horizonlm.NewDecoder(tokenizer, true)
	succeeds(t, err)
	succeeds(t, tokenizer.Close())
	if text, err := decoder.Push(258, 97); err != nil || text != "a" { // it outlives the tokenizer
		t.Error(text, err)
	}
	succeeds(t, decoder.Close())
	_, err = decoder.Push(97)
	fails(t, err, horizonlm.FailedPrecondition, "the decoder is closed")
	_, err = tokenizer.Encode("a", nil)
	fails(t, err, horizonlm.FailedPrecondition, "the tokenizer is closed")
	_, err = horizonlm.NewDecoder(nil, false)
	fails(t, err, horizonlm.InvalidArgument, "the tokenizer is nil")
}

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

var dialogue = []message{{"user", "hi"}, {"assistant", "yes"}}

func TestTemplate(t *testing.T) {
	template, err := horizonlm.OpenTemplate(modelFolder())
	succeeds(t, err)
	wanted := "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nyes<|im_end|>\n"
	text, err := template.Render(dialogue, nil)
	succeeds(t, err)
	options := horizonlm.DefaultTemplateOptions()
	options.AddGenerationPrompt = true
	prompt, err := template.Render(`[{"role": "user", "content": "hi"}]`, &options)
	succeeds(t, err)
	if text != wanted || prompt != wanted[:strings.Index(wanted, "yes")] {
		t.Errorf("%q %q", text, prompt)
	}
	options = horizonlm.DefaultTemplateOptions()
	options.TrainOn = horizonlm.TrainOnLast
	training, err := template.RenderTraining(dialogue, &options)
	succeeds(t, err)
	one := training.Sequences[0]
	if trained := one.Text[one.Trained[0][0]:one.Trained[0][1]]; one.Text != wanted || !strings.HasPrefix(trained, "yes<|im_end|>") {
		t.Error(training)
	}
	info, err := template.Describe()
	succeeds(t, err)
	if !reflect.DeepEqual(info.Names, []string{"default"}) {
		t.Error(info)
	}
	alone, err := horizonlm.CreateTemplate("{{ eos_token }}")
	succeeds(t, err)
	tokenizer, err := horizonlm.OpenTokenizer(modelFolder())
	succeeds(t, err)
	with, err := alone.WithTokenizer(tokenizer)
	succeeds(t, err)
	succeeds(t, alone.Close())
	succeeds(t, tokenizer.Close())
	known, err := with.Describe()
	succeeds(t, err)
	if !reflect.DeepEqual(known, info) || len(known.StopTokens) == 0 {
		t.Errorf("%v %v", known, info)
	}
	succeeds(t, with.Close())
	_, err = template.WithTokenizer(nil)
	fails(t, err, horizonlm.InvalidArgument, "the tokenizer is nil")
	succeeds(t, template.Close())
	_, err = template.Render(dialogue, nil)
	fails(t, err, horizonlm.FailedPrecondition, "the template is closed")
	_, err = horizonlm.CreateTemplate("{% for %}")
	fails(t, err, horizonlm.InvalidArgument, "line")
	_, err = horizonlm.OpenTemplate("/no/such")
	fails(t, err, horizonlm.NotFound, "")
	limited, err := horizonlm.CreateTemplate("{% for i in range(1000) %}{% endfor %}")
	succeeds(t, err)
	defer limited.Close()
	options.MaxIterations = 10
	_, err = limited.Render(dialogue, &options)
	fails(t, err, horizonlm.ResourceExhausted, "")
	_, err = limited.Render(math.NaN(), nil)
	fails(t, err, horizonlm.InvalidArgument, "no JSON")
}

func writeLines(t testing.TB, lines ...string) string {
	path := filepath.Join(t.TempDir(), "d.jsonl")
	succeeds(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o666))
	return path
}

func openDataset(t testing.TB, path, more string) (*horizonlm.Dataset, error) {
	return horizonlm.OpenDataset(`{"data": "`+path+`", "model": "`+modelFolder()+`", "seq_len": 128, "epochs": 1, "shuffle": false`+more+`}`, nil, nil)
}

func TestDataset(t *testing.T) {
	path := writeLines(t, `{"prompt": "ab", "completion": "cd"}`, `{"prompt": "e", "completion": "f"}`)
	dataset, err := openDataset(t, path, "")
	succeeds(t, err)
	step, err := dataset.Next(1)
	succeeds(t, err)
	wanted := &horizonlm.Documents{
		Batch:     horizonlm.Batch{IDs: []int32{97, 98, 99, 100, 258, 101, 102, 258}, Offsets: []int64{0, 5, 8}, Labels: []int32{-100, -100, 99, 100, 258, -100, 102, 258}},
		Numbers:   []int64{0, 1},
		Desirable: []int32{1, 1},
		Rows:      []int64{0, 2},
		Trained:   5,
	}
	if !reflect.DeepEqual(step, wanted) {
		t.Errorf("%+v", step)
	}
	_, err = dataset.Next(1)
	if err != io.EOF || !reflect.DeepEqual(step, wanted) {
		t.Error(err, step)
	}
	info, err := dataset.Describe()
	succeeds(t, err)
	if info.Documents != 2 || info.TrainedTokens != 5 {
		t.Error(info)
	}
	_, err = dataset.Next(0)
	fails(t, err, horizonlm.InvalidArgument, "rows")
	_, err = dataset.Mismatched()
	fails(t, err, horizonlm.FailedPrecondition, "")
	values := []float32{-1, -2}
	fails(t, dataset.ReadColumn("ref", "w", values), horizonlm.NotFound, "")
	succeeds(t, dataset.WriteColumn("ref", "w", values))
	read := make([]float32, 2)
	succeeds(t, dataset.ReadColumn("ref", "w", read))
	if !reflect.DeepEqual(read, values) {
		t.Error(read)
	}
	fails(t, dataset.ReadColumn("ref", "w", read[:1]), horizonlm.InvalidArgument, "")
	succeeds(t, dataset.Close())
	_, err = dataset.Next(1)
	fails(t, err, horizonlm.FailedPrecondition, "the dataset is closed")

	record, err := horizonlm.ReadRecord(`{"data": "`+path+`"}`, 1)
	succeeds(t, err)
	if !strings.Contains(record, `"prompt":"e","completion":"f"`) {
		t.Error(record)
	}
	_, err = horizonlm.ReadRecord(`{"data": "`+path+`"}`, 2)
	fails(t, err, horizonlm.NotFound, "2 rows")
	told, err := openDataset(t, writeLines(t, `{"text": "a", "by": "b"}`), "")
	succeeds(t, err)
	info, err = told.Describe()
	succeeds(t, err)
	if len(info.Account) != 1 || info.Account[0].Did != "unused" || info.Account[0].Name != "by" {
		t.Error(info.Account)
	}
	succeeds(t, told.Close())

	_, err = openDataset(t, path, `, "templat": 1`)
	fails(t, err, horizonlm.InvalidArgument, "templat")
	_, err = openDataset(t, writeLines(t, `{"text": "a"}`, `{not json`), "")
	fails(t, err, horizonlm.InvalidArgument, "d.jsonl:2")
	_, err = horizonlm.OpenDataset(`{"data": "`+writeLines(t, `{"text": "a"}`)+`"}`, nil, nil)
	fails(t, err, horizonlm.FailedPrecondition, "tokenizer")
	tokenizer := openTokenizer(t, modelFolder())
	with, err := horizonlm.OpenDataset(`{"data": "`+writeLines(t, `{"text": "a"}`)+`", "epochs": 1}`, tokenizer, nil)
	succeeds(t, err)
	succeeds(t, tokenizer.Close())
	if step, err := with.Next(1); err != nil || len(step.IDs) != 2 {
		t.Error(step, err)
	}
	succeeds(t, with.Close())
}

// Packed by Go's own gzip.
func TestAPackedDataset(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.jsonl.gz")
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, err := writer.Write([]byte(`{"prompt": "ab", "completion": "cd"}` + "\n"))
	succeeds(t, err)
	succeeds(t, writer.Close())
	succeeds(t, os.WriteFile(path, packed.Bytes(), 0o666))
	dataset, err := openDataset(t, path, "")
	succeeds(t, err)
	defer dataset.Close()
	step, err := dataset.Next(1)
	succeeds(t, err)
	if !reflect.DeepEqual(step.Batch.IDs, bytesAsIDs("abcd", 258)) {
		t.Error(step.Batch.IDs)
	}
	succeeds(t, os.WriteFile(path, packed.Bytes()[:packed.Len()-1], 0o666))
	_, err = openDataset(t, path, "")
	fails(t, err, horizonlm.DataLoss, "d.jsonl.gz: its gzip data are cut short")
}

func TestPositionsOfADataset(t *testing.T) {
	lines := make([]string, 40)
	for i := range lines {
		lines[i] = `{"text": "number ` + strings.Repeat("x", i) + `"}`
	}
	path := writeLines(t, lines...)
	one, err := openDataset(t, path, `, "seed": 3`)
	succeeds(t, err)
	defer one.Close()
	two, err := openDataset(t, path, `, "seed": 3`)
	succeeds(t, err)
	defer two.Close()
	_, err = one.Next(1)
	succeeds(t, err)
	position, err := one.Position()
	succeeds(t, err)
	wanted, err := one.Next(2)
	succeeds(t, err)
	succeeds(t, two.Seek(position))
	found, err := two.Next(2)
	succeeds(t, err)
	if !reflect.DeepEqual(found, wanted) {
		t.Error(found, wanted)
	}
	fails(t, two.Seek("{}"), horizonlm.InvalidArgument, "")
}

func newPairs() *horizonlm.Batch {
	batch := horizonlm.NewBatch([]int32{1, 2, 3, 4, 5}, []int32{1, 2, 6, 7}, []int32{8, 9, 10}, []int32{8, 9, 11, 12, 13})
	batch.Weights = []float32{0, 0, 1, 1, 1, 0, 0, 1, 1, 0, 0, 1, 0, 0, 1, 1, 1}
	return batch
}

func TestLosses(t *testing.T) {
	model := newModel(t)
	defer model.Close()
	shape := horizonlm.DefaultPlanOptions()
	shape.Device, shape.BatchSize, shape.SeqLen, shape.FrozenCopies, shape.Compute = "cpu", 4, 8, 1, horizonlm.F32
	plan, err := horizonlm.NewPlan(model, &shape)
	succeeds(t, err)
	defer plan.Close()
	trainer, err := horizonlm.NewTrainer(model, plan, nil)
	succeeds(t, err)
	defer trainer.Close()
	pairs := newPairs()
	out := horizonlm.Logprobs{Logprobs: make([]float32, 17), Entropies: make([]float32, 17)}
	succeeds(t, trainer.Logprobs(pairs, nil, &out))
	sums, tokens, err := pairs.SumLogprobs(out.Logprobs)
	succeeds(t, err)
	if !reflect.DeepEqual(tokens, []float64{3, 2, 1, 3}) || sums[1] != float64(out.Logprobs[7])+float64(out.Logprobs[8]) {
		t.Error(sums, tokens)
	}
	// The logits say the same.
	logits := make([]float32, 16)
	succeeds(t, trainer.Logits(pairs, []int64{10}, logits))
	whole := 0.0
	for _, logit := range logits {
		whole += math.Exp(float64(logit))
	}
	if wanted := float64(logits[10]) - math.Log(whole); math.Abs(wanted-sums[2]) > 1e-5 {
		t.Error(sums[2], wanted)
	}

	options := horizonlm.DefaultPreferenceOptions()
	options.ReferenceSums = sums
	first, err := trainer.AccumulatePreference(pairs, &options)
	succeeds(t, err)
	if math.Abs(first.Loss-math.Ln2) > 1e-12 || first.Pairs != 2 || first.Tokens != 13 {
		t.Error(first)
	}
	kept, err := trainer.KeepWeights()
	succeeds(t, err)
	_, err = trainer.Apply()
	succeeds(t, err)
	again := horizonlm.Logprobs{Logprobs: make([]float32, 17)}
	succeeds(t, trainer.Logprobs(pairs, kept, &again))
	if !reflect.DeepEqual(out.Logprobs, again.Logprobs) {
		t.Error("the kept weights give other log-probabilities")
	}
	succeeds(t, trainer.Logprobs(pairs, nil, &again))
	if reflect.DeepEqual(out.Logprobs, again.Logprobs) {
		t.Error("the step changed nothing")
	}
	one, err := trainer.EvaluateKept(pairs, kept)
	succeeds(t, err)
	two, err := trainer.Evaluate(pairs)
	succeeds(t, err)
	if one == two {
		t.Error(one, two)
	}
	_, err = trainer.KeepWeights()
	fails(t, err, horizonlm.ResourceExhausted, "")
	succeeds(t, kept.Close())
	fails(t, trainer.Logprobs(pairs, kept, &again), horizonlm.FailedPrecondition, "the weights is closed")

	sums, _, err = pairs.SumLogprobs(again.Logprobs)
	succeeds(t, err)
	kto := horizonlm.DefaultKTOOptions()
	kto.ReferenceSums, kto.DesirableWeight = sums, 2
	second, err := trainer.AccumulateKTO(pairs, []int32{1, 0, 0, 1}, &kto)
	succeeds(t, err)
	if math.Abs(second.Loss-0.75) > 1e-12 || second.Desirable != 2 || second.KL != 0 {
		t.Error(second)
	}
	lower := make([]float64, 4)
	for i := range lower {
		lower[i] = sums[i] - 1
	}
	kto.Mismatched, kto.MismatchedSums = pairs, lower
	second, err = trainer.AccumulateKTO(pairs, []int32{1, 0, 0, 1}, &kto)
	succeeds(t, err)
	if math.Abs(second.KL-1) > 1e-9 {
		t.Error(second)
	}
	advantages := make([]float32, 17)
	mean := 0.0
	for i := range advantages {
		advantages[i] = float32(i-8) / 4
		mean -= float64(advantages[i]) * float64(pairs.Weights[i]) / 9
	}
	third, err := trainer.AccumulatePolicy(pairs, advantages, nil)
	succeeds(t, err)
	if math.Abs(third.Loss-mean) > 1e-6 || third.Ratio != 1 || third.Weight != 9 {
		t.Error(third, mean)
	}
	policy := horizonlm.DefaultPolicyOptions()
	policy.OldLogprobs = make([]float32, 3)
	_, err = trainer.AccumulatePolicy(pairs, advantages, &policy)
	fails(t, err, horizonlm.InvalidArgument, "n_old_logprobs is 3")
	options.ReferenceSums = sums[:3]
	_, err = trainer.AccumulatePreference(pairs, &options)
	fails(t, err, horizonlm.InvalidArgument, "n_reference_sums is 3")
	_, err = trainer.AccumulatePreference(nil, &options)
	fails(t, err, horizonlm.InvalidArgument, "nil")
	_, _, err = pairs.SumLogprobs(advantages[:2])
	fails(t, err, horizonlm.InvalidArgument, "n_logprobs is 2")
}

func TestCheckpoints(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "ckpt ü")
	first := newTrainer(t, 2, 8)
	step := func(trainer *horizonlm.Trainer) horizonlm.StepMetrics {
		metrics, err := trainer.Step(batch())
		succeeds(t, err)
		metrics.Seconds = 0
		return metrics
	}
	step(first)
	options := horizonlm.DefaultCheckpointOptions()
	if !options.Background || options.UserData != "" {
		t.Error(options)
	}
	options.UserData = `{"at": "ü"}`
	succeeds(t, first.Save(folder, &options))
	succeeds(t, first.SaveWaitContext(context.Background()))
	done, err := first.SaveWait(-1)
	succeeds(t, err)
	if !done {
		t.Error("it is not saved")
	}
	wanted := []horizonlm.StepMetrics{step(first), step(first)}
	succeeds(t, first.Close())
	second := newTrainer(t, 2, 8)
	defer second.Close()
	step(second)
	resumed, err := second.Resume(folder, nil)
	succeeds(t, err)
	if resumed.Step != 1 || resumed.UserData != options.UserData || len(resumed.PassedOver) != 0 {
		t.Error(resumed)
	}
	if found := []horizonlm.StepMetrics{step(second), step(second)}; !reflect.DeepEqual(found, wanted) {
		t.Error(found, wanted)
	}
	listed, damaged, err := horizonlm.Checkpoints(folder)
	succeeds(t, err)
	if len(listed) != 1 || listed[0].Step != 1 || len(damaged) != 0 || len(listed[0].Numerics) < 10 {
		t.Error(listed, damaged)
	}
	_, err = second.Resume(folder+"/none", &horizonlm.ResumeOptions{AllowNumericsChange: true})
	fails(t, err, horizonlm.NotFound, "")
	_, err = second.Accumulate(batch())
	succeeds(t, err)
	fails(t, second.Save(folder, nil), horizonlm.FailedPrecondition, "")
	file := filepath.Join(t.TempDir(), "file")
	succeeds(t, os.WriteFile(file, nil, 0o666))
	succeeds(t, second.Discard())
	if err := second.Save(file, nil); err == nil {
		if _, err = second.SaveWait(-1); err == nil {
			t.Error("a file became a directory")
		}
	}
	var failure *horizonlm.Error
	if _, err := second.SaveWait(0); errors.As(err, &failure) {
		t.Error("a failure is told twice")
	}
}

// A save that takes longer than a look at the context: one of some 100 MB.
func TestAContextEndsTheWaitForASave(t *testing.T) {
	model, err := horizonlm.CreateModel(strings.Replace(config, `"vocab_size": 16`, `"vocab_size": 150000`, 1), 1)
	succeeds(t, err)
	defer model.Close()
	plan, err := horizonlm.NewPlan(model, &horizonlm.PlanOptions{Device: "cpu", BatchSize: 2, SeqLen: 8})
	succeeds(t, err)
	defer plan.Close()
	trainer, err := horizonlm.NewTrainer(model, plan, nil)
	succeeds(t, err)
	defer trainer.Close()
	_, err = trainer.Step(batch())
	succeeds(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for try := 0; ; try++ {
		folder := t.TempDir()
		succeeds(t, trainer.Save(folder, nil))
		err := trainer.SaveWaitContext(ctx)
		succeeds(t, trainer.SaveWaitContext(context.Background())) // the save goes on
		if listed, _, err := horizonlm.Checkpoints(folder); err != nil || len(listed) != 1 {
			t.Fatal(listed, err)
		}
		if err != nil {
			fails(t, err, horizonlm.Cancelled, "while a save was waited for")
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			return
		}
		if try == 5 {
			t.Fatal("the context ended nothing, six times")
		}
	}
}

func TestPackedMoments(t *testing.T) {
	options := horizonlm.DefaultOptimizerOptions()
	options.States, options.WeightDecay = horizonlm.StatesInt8, 0
	adamw, err := horizonlm.NewOptimizer(&options)
	succeeds(t, err)
	defer adamw.Close()
	const n = 600
	bytes, scales, err := adamw.StateSize(horizonlm.FirstMoment, n)
	succeeds(t, err)
	if bytes != n || scales != 3 {
		t.Fatal(bytes, scales)
	}
	weight, gradient := make([]float32, n), make([]float32, n)
	for i := range gradient {
		gradient[i] = float32(i+1) / n
	}
	arrays := horizonlm.Arrays{Weight: weight, FirstMomentPacked: make([]byte, n), SecondMomentPacked: make([]byte, n), FirstScales: make([]float32, 3),
		SecondScales: make([]float32, 3), Gradient: horizonlm.Values{F32: gradient}}
	succeeds(t, adamw.Step(1, 1e-3, 1, &arrays))
	if math.Abs(float64(weight[n-1])+1e-3) > 1e-5 {
		t.Error(weight[n-1])
	}
	values := make([]float32, n)
	succeeds(t, adamw.ReadState(horizonlm.FirstMoment, arrays.FirstMomentPacked, arrays.FirstScales, values))
	if math.Abs(float64(values[n-1])-0.1) > 0.01 {
		t.Error(values[n-1])
	}
	succeeds(t, adamw.WriteState(horizonlm.FirstMoment, values, arrays.FirstMomentPacked, arrays.FirstScales))
	arrays.FirstScales = arrays.FirstScales[:2]
	fails(t, adamw.Step(2, 1e-3, 1, &arrays), horizonlm.InvalidArgument, "first_moment_packed has 600 bytes and 2 scales")
}

// What TestCyclesDoNotGrow does with text, again and again.
func cycleOfData(t testing.TB, config string) {
	tokenizer := openTokenizer(t, modelFolder())
	template, err := horizonlm.CreateTemplate("{{ messages[0].content }}")
	succeeds(t, err)
	text, err := template.Render(dialogue, nil)
	succeeds(t, err)
	ids, err := tokenizer.Encode(text, nil)
	succeeds(t, err)
	decoder, err := horizonlm.NewDecoder(tokenizer, false) // forgotten, it would keep the tokenizer until a collection, which sees none of its bytes
	succeeds(t, err)
	if again, err := decoder.Push(ids...); err != nil || again != "hi" {
		t.Fatal(again, err)
	}
	succeeds(t, decoder.Close())
	if _, err := tokenizer.Encode("\xff", nil); err == nil {
		t.Fatal("not UTF-8")
	}
	if _, err := template.Render("[", nil); err == nil {
		t.Fatal("no JSON")
	}
	dataset, err := horizonlm.OpenDataset(config, tokenizer, nil)
	succeeds(t, err)
	if step, err := dataset.Next(1); err != nil || step.Trained != 2 {
		t.Fatal(step, err)
	}
	if _, err := dataset.Next(1); err != io.EOF {
		t.Fatal(err)
	}
	succeeds(t, dataset.Close())
	succeeds(t, template.Close())
	succeeds(t, tokenizer.Close())
	if _, err := tokenizer.Token(0); err == nil {
		t.Fatal("closed")
	}
}
