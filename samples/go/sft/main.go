// Command sft makes supervised fine-tuning on a file of examples: sft MODEL_FOLDER EXAMPLES.jsonl OUTPUT_FOLDER
//
// The model's folder holds its weights, its tokenizer and its chat template; examples are conversations, prompts with completions, or texts.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/horizon-lm/horizonlm"
)

const rows, seqLen = 2, 128

func run(folder, examples, output string) error {
	config, err := json.Marshal(map[string]any{"data": examples, "model": folder, "seq_len": seqLen, "epochs": 20})
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
	shape.BatchSize, shape.SeqLen = rows, seqLen
	plan, err := horizonlm.NewPlan(model, &shape)
	if err != nil {
		return err
	}
	defer plan.Close()
	adamw := horizonlm.DefaultTrainerOptions()
	adamw.LR = 3e-3
	trainer, err := horizonlm.NewTrainer(model, plan, &adamw)
	if err != nil {
		return err
	}
	defer trainer.Close()

	for {
		step, err := data.Next(rows)
		if err == io.EOF {
			return trainer.SaveModel(output, nil)
		}
		if err != nil {
			return err
		}
		metrics, err := trainer.Step(&step.Batch)
		if err != nil {
			return err
		}
		fmt.Printf("step %d  epoch %d  loss %v\n", metrics.Step, step.Epoch, metrics.Loss)
	}
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: sft MODEL_FOLDER EXAMPLES.jsonl OUTPUT_FOLDER")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
