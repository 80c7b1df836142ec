package horizonlm

import (
	"fmt"
	"runtime"

	"horizonlm/internal/native"
)

// Group is the processes of a run on several machines, one a machine. A trainer that is made in a group shares every step with those of
// the other processes; its plan is made with so many Processes. A process that is lost makes every call of the others Unavailable, naming
// its rank.
type Group struct{ box uintptr }

// GroupInfo is what a group is.
type GroupInfo struct {
	Rank      int64  `json:"rank"`
	Size      int64  `json:"size"`
	LocalSize int64  `json:"local_size"` // processes on this machine
	Launcher  string `json:"launcher"`
}

func newGroup(options *GroupOptions, make func(own native.Hlm_group_options, box *uintptr) error) (*Group, error) {
	var box uintptr
	err := withOptions(native.NewHlm_group_options, native.DeleteHlm_group_options, options, func(own native.Hlm_group_options) error {
		return make(own, &box)
	})
	if err != nil {
		return nil, err
	}
	g := &Group{box}
	runtime.SetFinalizer(g, func(g *Group) { native.Hlm_group_free(g.box) })
	return g, nil
}

// GroupFromEnvironment is the group that torchrun, Open MPI, Slurm or PMI describe in the environment, and of one where none of them does.
// It waits until all have come; options may be nil.
func GroupFromEnvironment(options *GroupOptions) (*Group, error) {
	if err := checkVersion(); err != nil {
		return nil, err
	}
	return newGroup(options, func(own native.Hlm_group_options, box *uintptr) error {
		return native.Hlm_group_from_environment(own, box)
	})
}

// DescribeEnvironment tells what the launcher says of this process in the environment; rank 0 of 1 where there is none. It waits for nobody.
func DescribeEnvironment() (GroupInfo, error) {
	var info GroupInfo
	if err := checkVersion(); err != nil {
		return info, err
	}
	var text uintptr
	if err := native.Hlm_group_describe_environment(&text); err != nil {
		return info, err
	}
	return info, parse(text, &info)
}

// ConnectGroup is the group of size processes whose rank 0 listens at address, "host:port". It waits until all have come; options may be nil.
func ConnectGroup(address string, rank, size int64, options *GroupOptions) (*Group, error) {
	if err := checkVersion(); err != nil {
		return nil, err
	}
	if err := checkText("address", address); err != nil {
		return nil, err
	}
	return newGroup(options, func(own native.Hlm_group_options, box *uintptr) error {
		return native.Hlm_group_connect(address, rank, size, own, box)
	})
}

// GroupFromCallback is the group of size processes that an engine runs already, which find each other through it: allGather takes this
// process's bytes and gives everybody's, in the order of ranks. Every process calls it once, on this goroutine, before this returns (alone,
// not at all). An error of its is Unavailable, which wraps it; a panic goes on to the caller. It waits until all have come; options may be nil.
func GroupFromCallback(rank, size int64, allGather func(own []byte) ([][]byte, error), options *GroupOptions) (*Group, error) {
	if err := checkVersion(); err != nil {
		return nil, err
	}
	if allGather == nil {
		return nil, errorf(InvalidArgument, "allGather is nil")
	}
	g := &gathering{gather: allGather, size: size}
	group, err := newGroup(options, func(own native.Hlm_group_options, box *uintptr) error {
		return native.WithAllGather(g.fill, func(handle uintptr) error {
			return native.Hlm_group_from_callback(rank, size, handle, own, box)
		})
	})
	if g.panicked != nil {
		panic(g.panicked)
	}
	if g.failed != nil {
		return nil, g.failed
	}
	return group, err
}

// Close leaves the group. It may be called more than once.
func (g *Group) Close() error {
	defer runtime.KeepAlive(g)
	return native.Hlm_group_close(g.handle())
}

// String says what it is in a line. It never fails.
func (g *Group) String() string {
	defer runtime.KeepAlive(g)
	return line("Group", g.handle(), native.Hlm_group_closed, func() (string, error) {
		info, err := g.Describe()
		return fmt.Sprintf("rank %d of %d", info.Rank, info.Size), err
	})
}

// Describe tells this process's place in the group.
func (g *Group) Describe() (GroupInfo, error) {
	defer runtime.KeepAlive(g)
	var info GroupInfo
	var text uintptr
	if err := native.Hlm_group_describe(g.handle(), &text); err != nil {
		return info, err
	}
	return info, parse(text, &info)
}

// Barrier waits until every process has called it.
func (g *Group) Barrier() error {
	defer runtime.KeepAlive(g)
	return native.Hlm_group_barrier(g.handle())
}

// AllGather gives everybody's bytes, in the order of ranks; every process gives as many.
func (g *Group) AllGather(own []byte) ([][]byte, error) {
	defer runtime.KeepAlive(g)
	info, err := g.Describe()
	if err != nil {
		return nil, err
	}
	n := int64(len(own))
	all := make([]byte, n*info.Size)
	if err := native.Hlm_group_all_gather(g.handle(), own, all); err != nil {
		return nil, err
	}
	of := make([][]byte, info.Size)
	for r := range of {
		of[r] = all[int64(r)*n : (int64(r)+1)*n]
	}
	return of, nil
}

func (g *Group) handle() uintptr {
	if g == nil {
		return 0
	}
	return g.box
}
