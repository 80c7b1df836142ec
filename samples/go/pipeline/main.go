// Command pipeline fine-tunes on a stream of JSON lines, each {"prompt": "...", "completion": "..."}: workers turn lines into tokens and labels,
// a batcher packs them, the trainer takes one batch after the other. Only completions are learned.
//
//	pipeline [-model FOLDER] [-out FOLDER] [-workers N] [-batch-size N] [-seq-len N] [-lr X] < lines.jsonl
//
// Bytes are the token ids. Lines keep their order whatever the workers do, so a run can be repeated bit for bit. An interrupt ends the run at the next
// step; what was learned is saved.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/horizon-lm/horizonlm"
)

const tiny = `{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": 64,
 "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
 "vocab_size": 256, "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
 "tie_word_embeddings": false, "initializer_range": 0.02}`

// example is a line as tokens.
type example struct {
	ids, labels []int32
	err         error
}

// job is a line on its way through a worker; done holds one example.
type job struct {
	number int
	line   []byte
	done   chan example
}

// encode makes bytes of a line; the prompt's are not predicted. A 0 ends the completion.
func encode(number int, line []byte, limit int) example {
	var record struct {
		Prompt     *string `json:"prompt"`
		Completion *string `json:"completion"`
	}
	if err := json.Unmarshal(line, &record); err != nil {
		return example{err: fmt.Errorf("line %d: %w", number, err)}
	}
	if record.Prompt == nil || record.Completion == nil {
		return example{err: fmt.Errorf("line %d: it lacks \"prompt\" or \"completion\"", number)}
	}
	n := len(*record.Prompt) + len(*record.Completion) + 1
	if n > limit {
		return example{err: fmt.Errorf("line %d: it has %d tokens; a document may have %d", number, n, limit)}
	}
	made := example{ids: make([]int32, 0, n), labels: make([]int32, 0, n)}
	for _, b := range []byte(*record.Prompt) {
		made.ids, made.labels = append(made.ids, int32(b)), append(made.labels, -100)
	}
	for _, b := range append([]byte(*record.Completion), 0) {
		made.ids, made.labels = append(made.ids, int32(b)), append(made.labels, int32(b))
	}
	return made
}

// read sends each line to the workers, and to `ordered` in the order of the lines.
func read(ctx context.Context, from io.Reader, work, ordered chan<- *job) error {
	defer close(work)
	defer close(ordered)
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<24)
	for number := 1; lines.Scan(); number++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		j := &job{number, append([]byte(nil), lines.Bytes()...), make(chan example, 1)}
		for _, to := range []chan<- *job{ordered, work} {
			select {
			case to <- j:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return lines.Err()
}

// batches packs examples in order, up to `tokens` of them in each batch, and reports lines that are left out.
func batches(ctx context.Context, ordered <-chan *job, tokens int, to chan<- *horizonlm.Batch) (skipped int) {
	defer close(to)
	batch := &horizonlm.Batch{Offsets: []int64{0}}
	flush := func() bool {
		if len(batch.IDs) == 0 {
			return true
		}
		select {
		case to <- batch:
		case <-ctx.Done():
			return false
		}
		batch = &horizonlm.Batch{Offsets: []int64{0}}
		return true
	}
	for {
		var made example
		select {
		case j, more := <-ordered:
			if !more {
				flush()
				return skipped
			}
			select {
			case made = <-j.done:
			case <-ctx.Done():
				return skipped
			}
		case <-ctx.Done():
			return skipped
		}
		if made.err != nil {
			fmt.Fprintln(os.Stderr, "skipped:", made.err)
			skipped++
			continue
		}
		if len(batch.IDs)+len(made.ids) > tokens && !flush() {
			return skipped
		}
		batch.IDs = append(batch.IDs, made.ids...)
		batch.Labels = append(batch.Labels, made.labels...)
		batch.Offsets = append(batch.Offsets, int64(len(batch.IDs)))
	}
}

func run(ctx context.Context) error {
	folder := flag.String("model", "", "a Hugging Face folder; none: a tiny model with random weights")
	out := flag.String("out", "", "where the model is saved; none: nowhere")
	workers := flag.Int("workers", 4, "goroutines that encode lines")
	batchSize := flag.Int64("batch-size", 8, "rows of a batch")
	seqLen := flag.Int64("seq-len", 128, "tokens of a row, and at most of a document")
	lr := flag.Float64("lr", 3e-3, "learning rate")
	flag.Parse()
	if *workers < 1 || flag.NArg() != 0 {
		flag.Usage()
		os.Exit(2)
	}

	trainer, err := newTrainer(*folder, *batchSize, *seqLen, *lr)
	if err != nil {
		return err
	}
	defer trainer.Close()

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	work, ordered := make(chan *job, 2**workers), make(chan *job, 4**workers)
	ready := make(chan *horizonlm.Batch, 2)
	readError := make(chan error, 1)
	skipped := make(chan int, 1)
	go func() { readError <- read(ctx, os.Stdin, work, ordered) }()
	for i := 0; i < *workers; i++ {
		go func() {
			for j := range work {
				j.done <- encode(j.number, j.line, int(*seqLen))
			}
		}()
	}
	go func() { skipped <- batches(ctx, ordered, int(*batchSize**seqLen), ready) }()

	interrupted := false
	for batch := range ready {
		metrics, err := trainer.StepContext(ctx, batch)
		if errors.Is(err, context.Canceled) {
			interrupted = true
			break
		}
		if err != nil {
			return err
		}
		fmt.Printf("step %d  %d documents  loss %v\n", metrics.Step, len(batch.Offsets)-1, metrics.Loss)
	}
	if interrupted || ctx.Err() != nil {
		fmt.Println("interrupted")
	} else {
		if err := <-readError; err != nil {
			return err
		}
		fmt.Println("lines left out:", <-skipped)
	}
	if *out == "" {
		return nil
	}
	return trainer.SaveModel(*out, nil)
}

func newTrainer(folder string, batchSize, seqLen int64, lr float64) (*horizonlm.Trainer, error) {
	var model *horizonlm.Model
	var err error
	if folder == "" {
		model, err = horizonlm.CreateModel(tiny, 1)
	} else {
		model, err = horizonlm.OpenModel(folder)
	}
	if err != nil {
		return nil, err
	}
	defer model.Close()
	shape := horizonlm.DefaultPlanOptions()
	shape.BatchSize, shape.SeqLen = batchSize, seqLen
	plan, err := horizonlm.NewPlan(model, &shape)
	if err != nil {
		return nil, err
	}
	defer plan.Close()
	adamw := horizonlm.DefaultTrainerOptions()
	adamw.LR = lr
	return horizonlm.NewTrainer(model, plan, &adamw)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
