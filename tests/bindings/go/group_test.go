package bindingtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"reflect"
	"testing"
	"time"

	"github.com/horizon-lm/horizonlm"
)

var groupDocuments = [][]int32{{1, 2, 3, 4, 5, 6, 7, 8}, {9, 8, 7, 6, 5}}

func groupLosses(t *testing.T, group *horizonlm.Group, size int64, documents ...[]int32) (losses []float64) {
	model := newModel(t)
	defer model.Close()
	shape := horizonlm.DefaultPlanOptions()
	shape.Device, shape.BatchSize, shape.SeqLen, shape.Threads, shape.ReductionGroups, shape.Processes = "cpu", 2, 8, 1, 2, size
	plan, err := horizonlm.NewPlan(model, &shape)
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	adamw := horizonlm.DefaultTrainerOptions()
	adamw.LR = 1e-2
	var trainer *horizonlm.Trainer
	if group == nil {
		trainer, err = horizonlm.NewTrainer(model, plan, &adamw)
	} else {
		trainer, err = horizonlm.NewTrainerInGroup(model, plan, &adamw, group)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	for step := 0; step < 3; step++ {
		metrics, err := trainer.Step(horizonlm.NewBatch(documents...))
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, metrics.Loss)
	}
	if group != nil {
		lateCancel(t, trainer, documents)
	}
	return losses
}

// A context that ends when its call has just returned ends the next call of every process, and no more.
func lateCancel(t *testing.T, trainer *horizonlm.Trainer, documents [][]int32) {
	own := horizonlm.NewBatch(documents...)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	succeeds(t, trainer.Under(ctx, func() error {
		_, err := trainer.Step(own)
		if os.Getenv("RANK") == "0" {
			cancel()
			time.Sleep(200 * time.Millisecond)
		}
		return err
	}))
	if _, err := trainer.Step(own); !errors.Is(err, horizonlm.Cancelled) {
		t.Fatal(err)
	}
	metrics, err := trainer.Step(own)
	if err != nil || metrics.Step != 5 {
		t.Fatal(metrics, err)
	}
}

// Run as each of two processes by TestTwoProcessesShareEveryStep.
func TestRankOfAGroup(t *testing.T) {
	if os.Getenv("WORLD_SIZE") == "" {
		t.Skip("no launcher")
	}
	options := horizonlm.DefaultGroupOptions()
	options.SeveralPerMachine, options.TimeoutSeconds = true, 120
	group, err := horizonlm.GroupFromEnvironment(&options)
	if err != nil {
		t.Fatal(err)
	}
	defer group.Close()
	info, err := group.Describe()
	if err != nil || info.Size != 2 || info.Launcher != "torchrun" {
		t.Fatal(info, err)
	}
	if told, err := horizonlm.DescribeEnvironment(); err != nil || told != info {
		t.Fatal(told, info, err)
	}
	all, err := group.AllGather([]byte{byte(info.Rank), 7})
	if err != nil || !reflect.DeepEqual(all, [][]byte{{0, 7}, {1, 7}}) {
		t.Fatal(all, err)
	}
	alone := groupLosses(t, nil, 1, groupDocuments...)
	shared := groupLosses(t, group, info.Size, groupDocuments[info.Rank])
	if !reflect.DeepEqual(alone, shared) {
		t.Fatal(alone, "alone and in a group", shared)
	}
	if err := group.Barrier(); err != nil {
		t.Fatal(err)
	}
}

func TestTwoProcessesShareEveryStep(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	listener.Close()
	var output [2]bytes.Buffer
	var ranks [2]*exec.Cmd
	for r := range ranks {
		ranks[r] = exec.Command(os.Args[0], "-test.run=^TestRankOfAGroup$", "-test.v")
		ranks[r].Env = append(os.Environ(), fmt.Sprint("RANK=", r), "WORLD_SIZE=2", "LOCAL_WORLD_SIZE=2", "MASTER_ADDR=127.0.0.1", "MASTER_PORT="+port)
		ranks[r].Stdout, ranks[r].Stderr = &output[r], &output[r]
		if err := ranks[r].Start(); err != nil {
			t.Fatal(err)
		}
	}
	for r := range ranks {
		if err := ranks[r].Wait(); err != nil || !bytes.Contains(output[r].Bytes(), []byte("--- PASS: TestRankOfAGroup")) {
			t.Error(r, err, output[r].String())
		}
	}
}
