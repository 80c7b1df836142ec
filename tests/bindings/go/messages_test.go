package bindingtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/horizon-lm/horizonlm"
)

func says(t testing.TB, handle any, text string) {
	t.Helper()
	if said := fmt.Sprint(handle); said != text {
		t.Errorf("it says %q; wanted %q", said, text)
	}
}

func TestHandlesSayWhatTheyAre(t *testing.T) {
	model := newModel(t)
	plan, err := horizonlm.NewPlan(model, &horizonlm.PlanOptions{Device: "cpu", BatchSize: 2, SeqLen: 8, FrozenCopies: 1})
	succeeds(t, err)
	trainer, err := horizonlm.NewTrainer(model, plan, nil)
	succeeds(t, err)
	weights, err := trainer.KeepWeights()
	succeeds(t, err)
	optimizer, err := horizonlm.NewOptimizer(nil)
	succeeds(t, err)
	folder := os.Getenv("HLM_MODEL")
	tokenizer, err := horizonlm.OpenTokenizer(folder)
	succeeds(t, err)
	decoder, err := horizonlm.NewDecoder(tokenizer, false)
	succeeds(t, err)
	template, err := horizonlm.OpenTemplate(folder)
	succeeds(t, err)
	group, err := horizonlm.GroupFromEnvironment(nil)
	succeeds(t, err)
	says(t, model, "Model: LlamaForCausalLM, 19,616 parameters")
	if !regexp.MustCompile(`^Plan: \d+\.\d\d GiB of host memory, \d+\.\d\d GiB on cpu$`).MatchString(plan.String()) {
		t.Error(plan)
	}
	says(t, trainer, "Trainer: LlamaForCausalLM, 19,616 parameters")
	says(t, weights, "Weights")
	says(t, optimizer, "Optimizer")
	says(t, tokenizer, "Tokenizer: BPE, 259 tokens")
	says(t, decoder, "Decoder")
	says(t, template, "Template")
	says(t, group, "Group: rank 0 of 1")
	for text, lines := range map[string][]string{"Dataset: 1 document, 3 tokens": {`{"text": "abc"}`}, "Dataset: 2 documents, 4 tokens": {`{"text": "ab"}`, `{"text": "cd"}`}} {
		config := `{"data": "` + writeLines(t, lines...) + `", "cache_dir": null, "epochs": 1, "append_eos": false, "threads": 1, "task": "pretrain"}`
		dataset, err := horizonlm.OpenDataset(config, tokenizer, nil)
		succeeds(t, err)
		says(t, dataset, text)
		succeeds(t, dataset.Close())
		says(t, dataset, "Dataset, closed")
	}
	for _, handle := range []interface{ Close() error }{model, plan, trainer, weights, optimizer, decoder, tokenizer, template, group} {
		kind := reflect.TypeOf(handle).Elem().Name()
		succeeds(t, handle.Close())
		says(t, handle, kind+", closed")
	}
}

// Every method of a handle that is nil, or is no more than declared, says so; none panics, and none reaches the library with it.
func TestNilHandlesAreErrorsByName(t *testing.T) {
	for _, pointer := range []any{(*horizonlm.Model)(nil), (*horizonlm.Plan)(nil), (*horizonlm.Trainer)(nil), (*horizonlm.Optimizer)(nil), (*horizonlm.Tokenizer)(nil),
		(*horizonlm.Decoder)(nil), (*horizonlm.Template)(nil), (*horizonlm.Dataset)(nil), (*horizonlm.Group)(nil), (*horizonlm.Weights)(nil)} {
		kind := reflect.TypeOf(pointer)
		for _, receiver := range []reflect.Value{reflect.ValueOf(pointer), reflect.New(kind.Elem())} {
			says(t, receiver.Interface(), "<nil>")
			for i := 0; i < kind.NumMethod(); i++ {
				method := kind.Method(i)
				arguments := []reflect.Value{receiver}
				for j := 1; j < method.Type.NumIn(); j++ {
					arguments = append(arguments, filled(method.Type.In(j)))
				}
				call := method.Func.Call
				if method.Type.IsVariadic() {
					call = method.Func.CallSlice
				}
				results := call(arguments)
				if len(results) == 0 || method.Type.Out(len(results)-1) != reflect.TypeOf((*error)(nil)).Elem() || method.Name == "Under" {
					continue
				}
				err, _ := results[len(results)-1].Interface().(error)
				want := "the " + strings.ToLower(kind.Elem().Name()) + " is nil"
				if !errors.Is(err, horizonlm.InvalidArgument) || !strings.Contains(err.Error(), want) {
					t.Errorf("%v.%s: %v; wanted ...%s", kind, method.Name, err, want)
				}
			}
		}
	}
}

// filled is something legal where a type has it: a batch, a context, a call.
func filled(kind reflect.Type) reflect.Value {
	switch kind {
	case reflect.TypeOf(&horizonlm.Batch{}):
		return reflect.ValueOf(batch())
	case reflect.TypeOf(&horizonlm.Logprobs{}):
		return reflect.ValueOf(&horizonlm.Logprobs{})
	case reflect.TypeOf(&horizonlm.Arrays{}):
		return reflect.ValueOf(&horizonlm.Arrays{})
	case reflect.TypeOf((*context.Context)(nil)).Elem():
		return reflect.ValueOf(context.Background())
	case reflect.TypeOf(func() error { return nil }):
		return reflect.ValueOf(func() error { return nil })
	case reflect.TypeOf((*any)(nil)).Elem():
		return reflect.ValueOf("[]")
	}
	return reflect.Zero(kind)
}

func TestNilArgumentsAreErrorsByName(t *testing.T) {
	model, trainer := newModel(t), newTrainer(t, 2, 8)
	defer model.Close()
	defer trainer.Close()
	plan, err := horizonlm.NewPlan(model, nil)
	succeeds(t, err)
	defer plan.Close()
	optimizer, err := horizonlm.NewOptimizer(nil)
	succeeds(t, err)
	defer optimizer.Close()
	var none context.Context
	for i, one := range []struct {
		name string
		call func() error
	}{
		{"model", func() error { _, err := horizonlm.NewPlan(nil, nil); return err }},
		{"model", func() error { _, err := horizonlm.NewTrainer(nil, plan, nil); return err }},
		{"plan", func() error { _, err := horizonlm.NewTrainer(model, nil, nil); return err }},
		{"group", func() error { _, err := horizonlm.NewTrainerInGroup(model, plan, nil, nil); return err }},
		{"tokenizer", func() error { _, err := horizonlm.NewDecoder(nil, false); return err }},
		{"batch", func() error { _, err := trainer.Step(nil); return err }},
		{"batch", func() error { _, err := trainer.StepContext(context.Background(), nil); return err }},
		{"batch", func() error { return trainer.Logprobs(nil, nil, &horizonlm.Logprobs{}) }},
		{"out,", func() error { return trainer.Logprobs(batch(), nil, nil) }},
		{"batch", func() error { _, err := trainer.AccumulatePolicy(nil, nil, nil); return err }},
		{"context", func() error { _, err := trainer.StepContext(none, batch()); return err }},
		{"call", func() error { return trainer.Under(context.Background(), nil) }},
		{"arrays are", func() error { return optimizer.Step(1, 1, 1, nil) }},
	} {
		if err := one.call(); !errors.Is(err, horizonlm.InvalidArgument) || !strings.Contains(err.Error(), one.name) || !strings.HasSuffix(err.Error(), " nil") {
			t.Errorf("%d: %v; wanted that the %s is nil", i, err, one.name)
		}
	}
}

func TestAnErrorIsItsCode(t *testing.T) {
	_, err := horizonlm.OpenModel("/no/such/folder")
	if !errors.Is(err, horizonlm.NotFound) || errors.Is(err, horizonlm.DataLoss) || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	wrapped := fmt.Errorf("while opening: %w", err)
	var code horizonlm.Code = horizonlm.NotFound
	if !errors.Is(wrapped, code) || code.Error() != "NOT_FOUND" {
		t.Error(wrapped, code)
	}
	trainer := newTrainer(t, 2, 8)
	defer trainer.Close()
	succeeds(t, trainer.SetDeadline(1e-9))
	if _, err := trainer.Step(batch()); !errors.Is(err, os.ErrDeadlineExceeded) || !errors.Is(err, horizonlm.DeadlineExceeded) {
		t.Error(err)
	}
	if _, err := horizonlm.ReadRecord("{}\x00", 0); !errors.Is(err, horizonlm.InvalidArgument) || !strings.Contains(err.Error(), "configJSON holds a byte 0") {
		t.Error(err)
	}
}
