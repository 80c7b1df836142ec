// Command finetune trains a tiny model through the Go binding, looks at a weight and saves the result: finetune OUTPUT_FOLDER
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/horizon-lm/horizonlm"
)

const config = `{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": 32,
 "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
 "vocab_size": 16, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
 "tie_word_embeddings": false, "initializer_range": 0.02}`

func run(folder string) error {
	model, err := horizonlm.CreateModel(config, 1)
	if err != nil {
		return err
	}
	defer model.Close()
	shape := horizonlm.DefaultPlanOptions()
	shape.BatchSize, shape.SeqLen = 2, 8
	plan, err := horizonlm.NewPlan(model, &shape)
	if err != nil {
		return err
	}
	defer plan.Close()
	adamw := horizonlm.DefaultTrainerOptions()
	adamw.LR = 1e-2
	trainer, err := horizonlm.NewTrainer(model, plan, &adamw)
	if err != nil {
		return err
	}
	defer trainer.Close()

	batch := horizonlm.NewBatch([]int32{1, 2, 3, 4, 5, 6, 7, 8}, []int32{9, 8, 7, 6, 5}) // two documents
	for step := 1; step <= 30; step++ {
		metrics, err := trainer.Step(batch)
		if err != nil {
			return err
		}
		if step%5 == 0 {
			fmt.Printf("step %d  loss %v\n", step, metrics.Loss) // all digits: no bit is lost
		}
	}
	norm := make([]float32, 4) // the first weights of the last norm; read as float32 whatever they are stored as
	if err := trainer.ReadTensor("model.norm.weight", horizonlm.Weight, 0, norm); err != nil {
		return err
	}
	fmt.Printf("model.norm.weight begins %.9g %.9g %.9g %.9g\n", norm[0], norm[1], norm[2], norm[3])
	return trainer.SaveModel(folder, nil)
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: finetune OUTPUT_FOLDER")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		var failure *horizonlm.Error
		if errors.As(err, &failure) {
			fmt.Fprintf(os.Stderr, "error: %v: %s\n", failure.Code, failure.Message)
		} else {
			fmt.Fprintln(os.Stderr, "error:", err)
		}
		os.Exit(1)
	}
}
