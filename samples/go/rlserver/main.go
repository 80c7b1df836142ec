// Command rlserver lends a model to a reinforcement-learning loop elsewhere: it answers with log-probabilities and takes weighted updates, over HTTP.
//
//	rlserver -model FOLDER [-port 8080] [-batch-size 16] [-seq-len 128] [-lr 1e-3]
//
// Every body is JSON. Ids are those of the model's tokenizer; an element of logprobs, weights or advantages belongs to the token at its place.
//
//	GET  /info                                        {"vocab_size", "parameters"}
//	POST /logprobs  {"documents": [[ids], ...]}       {"logprobs": [[...], ...]}: of each token given those before it; 0 for a first one
//	POST /step      {"documents", "weights": [[...], ...], "denominator": 0}
//	                                                  a step on the sum of weight * -logprob / denominator (0: the sum of the weights)
//	POST /policy    {"documents", "advantages": [[...], ...], "old_logprobs": [[...], ...]}
//	                                                  a step on the clipped policy loss of PPO and GRPO
//	POST /save      {"folder": "..."}                 a Hugging Face folder
//
// samples/python/rl_client.py is such a loop. Requests take turns; one that its client gives up ends in the midst of its pass and changes nothing.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"

	"github.com/horizon-lm/horizonlm"
)

type server struct {
	turn    sync.Mutex // a trainer is used by one goroutine at a time
	trainer *horizonlm.Trainer
	info    horizonlm.ModelInfo
}

type request struct {
	Documents   [][]int32   `json:"documents"`
	Weights     [][]float32 `json:"weights"`
	Advantages  [][]float32 `json:"advantages"`
	OldLogprobs [][]float32 `json:"old_logprobs"`
	Denominator float64     `json:"denominator"`
	Folder      string      `json:"folder"`
}

type step struct {
	Step     int64   `json:"step"`
	Loss     float64 `json:"loss"`
	GradNorm float64 `json:"grad_norm"`
}

// flatten lays lists one behind the other, which must be as long as the documents.
func flatten(name string, lists [][]float32, documents [][]int32) ([]float32, error) {
	if len(lists) != len(documents) {
		return nil, fmt.Errorf("%s has %d lists; there are %d documents", name, len(lists), len(documents))
	}
	var flat []float32
	for i, list := range lists {
		if len(list) != len(documents[i]) {
			return nil, fmt.Errorf("%s of document %d has %d elements; the document has %d ids", name, i, len(list), len(documents[i]))
		}
		flat = append(flat, list...)
	}
	return flat, nil
}

func (s *server) logprobs(ctx context.Context, r *request) (any, error) {
	batch := horizonlm.NewBatch(r.Documents...)
	flat := make([]float32, len(batch.IDs))
	err := s.trainer.Under(ctx, func() error { return s.trainer.Logprobs(batch, nil, &horizonlm.Logprobs{Logprobs: flat}) })
	if err != nil {
		return nil, err
	}
	all := make([][]float32, len(r.Documents))
	for i := range all {
		all[i] = flat[batch.Offsets[i]:batch.Offsets[i+1]]
	}
	return map[string]any{"logprobs": all}, nil
}

func (s *server) step(ctx context.Context, r *request) (any, error) {
	batch := horizonlm.NewBatch(r.Documents...)
	var err error
	if batch.Weights, err = flatten("weights", r.Weights, r.Documents); err != nil {
		return nil, err
	}
	batch.Denominator = r.Denominator
	loss, err := s.trainer.AccumulateContext(ctx, batch)
	if err != nil {
		return nil, err
	}
	return s.apply(loss.Loss)
}

func (s *server) policy(ctx context.Context, r *request) (any, error) {
	advantages, err := flatten("advantages", r.Advantages, r.Documents)
	if err != nil {
		return nil, err
	}
	options := horizonlm.DefaultPolicyOptions()
	if r.OldLogprobs != nil {
		if options.OldLogprobs, err = flatten("old_logprobs", r.OldLogprobs, r.Documents); err != nil {
			return nil, err
		}
	}
	var metrics horizonlm.PolicyMetrics
	err = s.trainer.Under(ctx, func() (err error) {
		metrics, err = s.trainer.AccumulatePolicy(horizonlm.NewBatch(r.Documents...), advantages, &options)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.apply(metrics.Loss)
}

func (s *server) apply(loss float64) (any, error) {
	metrics, err := s.trainer.Apply()
	return step{metrics.Step, loss, metrics.GradNorm}, err
}

func (s *server) save(_ context.Context, r *request) (any, error) {
	return map[string]any{}, s.trainer.SaveModel(r.Folder, nil)
}

func (s *server) handle(answer func(context.Context, *request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var own request
		status := http.StatusBadRequest
		var result any
		var err error
		if r.Method != http.MethodPost {
			status, err = http.StatusMethodNotAllowed, errors.New("POST is wanted")
		} else if err = json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<20)).Decode(&own); err == nil {
			s.turn.Lock()
			result, err = answer(r.Context(), &own)
			s.turn.Unlock()
		}
		w.Header().Set("Content-Type", "application/json")
		if err != nil {
			w.WriteHeader(status)
			result = map[string]string{"error": err.Error()}
		}
		_ = json.NewEncoder(w).Encode(result)
	}
}

func open(folder string, rows, length int64, lr float64) (*server, error) {
	model, err := horizonlm.OpenModel(folder)
	if err != nil {
		return nil, err
	}
	defer model.Close()
	shape := horizonlm.DefaultPlanOptions()
	shape.BatchSize, shape.SeqLen = rows, length
	plan, err := horizonlm.NewPlan(model, &shape)
	if err != nil {
		return nil, err
	}
	defer plan.Close()
	adamw := horizonlm.DefaultTrainerOptions()
	adamw.LR = lr
	s := &server{}
	if s.trainer, err = horizonlm.NewTrainer(model, plan, &adamw); err != nil {
		return nil, err
	}
	s.info, err = model.Describe()
	return s, err
}

func run() error {
	folder := flag.String("model", "", "a Hugging Face folder")
	port := flag.Int("port", 8080, "0: any that is free")
	rows := flag.Int64("batch-size", 16, "rows of a step")
	length := flag.Int64("seq-len", 128, "tokens of a row")
	lr := flag.Float64("lr", 1e-3, "learning rate")
	flag.Parse()
	s, err := open(*folder, *rows, *length, *lr)
	if err != nil {
		return err
	}
	defer s.trainer.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/info", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"vocab_size": s.info.VocabSize, "parameters": s.info.Parameters})
	})
	mux.HandleFunc("/logprobs", s.handle(s.logprobs))
	mux.HandleFunc("/step", s.handle(s.step))
	mux.HandleFunc("/policy", s.handle(s.policy))
	mux.HandleFunc("/save", s.handle(s.save))
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		return err
	}
	fmt.Println("listening on port", listener.Addr().(*net.TCPAddr).Port)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	service := http.Server{Handler: mux}
	ended := make(chan struct{})
	go func() {
		<-ctx.Done()
		_ = service.Shutdown(context.Background()) // requests in progress are answered
		close(ended)
	}()
	if err := service.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	<-ended
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
