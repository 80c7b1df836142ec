package bindingtest

import (
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/horizon-lm/horizonlm"
)

func quickOptions() *horizonlm.GroupOptions {
	options := horizonlm.DefaultGroupOptions()
	options.SeveralPerMachine, options.TimeoutSeconds, options.SilenceSeconds = true, 60, 10
	return &options
}

// Two ranks, here goroutines, find each other through a function of Go's.
func TestTwoFindEachOtherByAFunction(t *testing.T) {
	var gathered sync.WaitGroup
	gathered.Add(2)
	all := make([][]byte, 2)
	var calls [2]int
	work := func(rank int64) ([][]byte, error) {
		group, err := horizonlm.GroupFromCallback(rank, 2, func(own []byte) ([][]byte, error) {
			calls[rank]++
			all[rank] = own
			gathered.Done()
			gathered.Wait()
			return all, nil
		}, quickOptions())
		if err != nil {
			return nil, err
		}
		defer group.Close()
		return group.AllGather([]byte{byte(rank), 7})
	}
	var results [2][][]byte
	var errs [2]error
	var done sync.WaitGroup
	for rank := range results {
		done.Add(1)
		go func(rank int) {
			defer done.Done()
			results[rank], errs[rank] = work(int64(rank))
		}(rank)
	}
	done.Wait()
	for rank := range results {
		if errs[rank] != nil || !reflect.DeepEqual(results[rank], [][]byte{{0, 7}, {1, 7}}) || calls[rank] != 1 {
			t.Error(rank, results[rank], errs[rank], calls[rank])
		}
	}
}

func TestAloneNothingIsGathered(t *testing.T) {
	group, err := horizonlm.GroupFromCallback(0, 1, func([]byte) ([][]byte, error) { panic("called") }, nil)
	succeeds(t, err)
	defer group.Close()
	if info, err := group.Describe(); err != nil || info.Size != 1 {
		t.Fatal(info, err)
	}
}

func TestWhatFailsInAnAllGatherReachesTheCaller(t *testing.T) {
	own := errors.New("no network")
	_, err := horizonlm.GroupFromCallback(0, 2, func([]byte) ([][]byte, error) { return nil, own }, nil)
	if !errors.Is(err, horizonlm.Unavailable) || !errors.Is(err, own) || !strings.HasSuffix(err.Error(), "allGather failed: no network") {
		t.Fatal(err)
	}
	for text, answer := range map[string]func(own []byte) [][]byte{
		"allGather gave bytes of 0 ranks; the group has 2":          func([]byte) [][]byte { return nil },
		"allGather gave bytes of 1 rank; the group has 2":           func(own []byte) [][]byte { return [][]byte{own} },
		"allGather gave 2,047 bytes of rank 1; every rank has 2048": func(own []byte) [][]byte { return [][]byte{own, own[1:]} },
		"allGather gave 0 bytes of rank 0; every rank has 2048":     func(own []byte) [][]byte { return [][]byte{nil, own} },
	} {
		_, err := horizonlm.GroupFromCallback(0, 2, func(own []byte) ([][]byte, error) { return answer(own), nil }, nil)
		if !errors.Is(err, horizonlm.InvalidArgument) || !strings.HasSuffix(err.Error(), text) {
			t.Error(err, "is not", text)
		}
	}
	if _, err := horizonlm.GroupFromCallback(0, 2, nil, nil); !errors.Is(err, horizonlm.InvalidArgument) {
		t.Error(err)
	}
	if _, err := horizonlm.GroupFromCallback(2, 2, func([]byte) ([][]byte, error) { panic("called") }, nil); !errors.Is(err, horizonlm.InvalidArgument) {
		t.Error(err)
	}
	defer func() {
		if found := recover(); found != "mine" {
			t.Error(found)
		}
	}()
	horizonlm.GroupFromCallback(0, 2, func([]byte) ([][]byte, error) { panic("mine") }, nil)
}
