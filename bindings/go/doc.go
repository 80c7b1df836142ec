// Package horizonlm trains large language models from host memory.
//
//	model, err := horizonlm.OpenModel("Qwen2.5-0.5B") // a Hugging Face folder
//	defer model.Close()
//	plan, err := horizonlm.NewPlan(model, &horizonlm.PlanOptions{BatchSize: 8, SeqLen: 1024}) // every byte is known, nothing is allocated
//	defer plan.Close()
//	trainer, err := horizonlm.NewTrainer(model, plan, nil) // loads the weights
//	defer trainer.Close()
//	metrics, err := trainer.StepContext(ctx, horizonlm.NewBatch(documents...))
//
// Files of examples become batches by a Dataset, with the Tokenizer and the chat Template of a model's folder; log-probabilities and the losses
// made of them (pairs, KTO, policies) are methods of the Trainer, as are checkpoints.
//
// The library is in the module lib/linux-amd64, which comes along. Slices are handed to it without a copy and are not kept after a call
// has returned. A call runs on its own thread as any cgo call does: other goroutines are not blocked.
//
// Every error of the library is an *Error with its code, as errors.Is(err, horizonlm.NotFound) finds it. Nil handles and batches are errors that name
// them, not panics. Handles print what they are. Different handles may be used by different goroutines at once; two in one handle get
// FailedPrecondition, except that Cancel may be called by any. Close is legal at any time and more than once; while another goroutine is in a call of
// the handle it is refused with FailedPrecondition. A handle that is forgotten is freed by its finalizer; Close is better.
package horizonlm
