package horizonlm_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"horizonlm"
)

const config = `{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": 32,
 "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
 "vocab_size": 16, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
 "tie_word_embeddings": false, "initializer_range": 0.02}`

// A whole training: model, plan, trainer, steps.
func Example() {
	model, err := horizonlm.CreateModel(config, 1)
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	shape := horizonlm.DefaultPlanOptions()
	shape.Device, shape.BatchSize, shape.SeqLen = "cpu", 2, 8
	plan, err := horizonlm.NewPlan(model, &shape)
	if err != nil {
		log.Fatal(err)
	}
	defer plan.Close()
	adamw := horizonlm.DefaultTrainerOptions()
	adamw.LR = 1e-2
	trainer, err := horizonlm.NewTrainer(model, plan, &adamw)
	if err != nil {
		log.Fatal(err)
	}
	defer trainer.Close()

	batch := horizonlm.NewBatch([]int32{1, 2, 3, 4, 5, 6, 7, 8}, []int32{9, 8, 7, 6, 5})
	before, err := trainer.Evaluate(batch)
	if err != nil {
		log.Fatal(err)
	}
	for step := 0; step < 20; step++ {
		if _, err := trainer.StepContext(context.Background(), batch); err != nil {
			log.Fatal(err)
		}
	}
	after, err := trainer.Evaluate(batch)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(after.Tokens, "tokens; learned:", after.Loss < 0.1*before.Loss)
	// Output: 11 tokens; learned: true
}

// Errors carry a code and say what is wrong.
func ExampleError() {
	_, err := horizonlm.OpenModel("/no/such/folder")
	var failure *horizonlm.Error
	fmt.Println(errors.As(err, &failure), failure.Code)
	// Output: true NOT_FOUND
}

// A context ends a step.
func ExampleTrainer_StepContext() {
	model, err := horizonlm.CreateModel(config, 1)
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	plan, err := horizonlm.NewPlan(model, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer plan.Close()
	trainer, err := horizonlm.NewTrainer(model, plan, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer trainer.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = trainer.StepContext(ctx, horizonlm.NewBatch([]int32{1, 2, 3}))
	fmt.Println(errors.Is(err, context.Canceled))
	// Output: true
}
