// Command dpo makes direct preference optimization on pairs of answers: dpo MODEL_FOLDER PAIRS.jsonl OUTPUT_FOLDER
//
// The reference is the model as it was: its weights are kept, and copied only where they change. The first loss is ln 2.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/horizon-lm/horizonlm"
)

const rows, seqLen, steps = 4, 128, 12

func run(folder, pairs, output string) error {
	config, err := json.Marshal(map[string]any{"data": pairs, "model": folder, "task": "dpo", "seq_len": seqLen})
	if err != nil {
		return err
	}
	data, err := horizonlm.OpenDataset(string(config), nil, nil)
	if err != nil {
		return err
	}
	defer data.Close()
	model, err := horizonlm.OpenModel(folder)
	if err != nil {
		return err
	}
	defer model.Close()
	shape := horizonlm.DefaultPlanOptions()
	shape.BatchSize, shape.SeqLen, shape.FrozenCopies = rows, seqLen, 1
	plan, err := horizonlm.NewPlan(model, &shape)
	if err != nil {
		return err
	}
	defer plan.Close()
	adamw := horizonlm.DefaultTrainerOptions()
	adamw.LR = 1e-3
	trainer, err := horizonlm.NewTrainer(model, plan, &adamw)
	if err != nil {
		return err
	}
	defer trainer.Close()
	reference, err := trainer.KeepWeights()
	if err != nil {
		return err
	}
	defer reference.Close()

	options := horizonlm.DefaultPreferenceOptions()
	for number := 1; number <= steps; number++ {
		step, err := data.Next(rows) // documents 2i are preferred to documents 2i + 1
		if err != nil {
			return err
		}
		options.ReferenceLogprobs = make([]float32, len(step.IDs))
		if err := trainer.Logprobs(&step.Batch, reference, &horizonlm.Logprobs{Logprobs: options.ReferenceLogprobs}); err != nil {
			return err
		}
		metrics, err := trainer.AccumulatePreference(&step.Batch, &options)
		if err != nil {
			return err
		}
		if _, err := trainer.Apply(); err != nil {
			return err
		}
		fmt.Printf("step %d  loss %v  accuracy %v  margin %v\n", number, metrics.Loss, metrics.Accuracy, metrics.Margin)
	}
	return trainer.SaveModel(output, nil)
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: dpo MODEL_FOLDER PAIRS.jsonl OUTPUT_FOLDER")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
