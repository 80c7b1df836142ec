package horizonlm

// gathering is an all-gather of the caller's as the library calls it: everybody's bytes are joined, and what fails is kept, since neither
// an error nor a panic crosses C.
type gathering struct {
	gather   func(own []byte) ([][]byte, error)
	size     int64
	failed   error
	panicked any
}

// fill says whether all has everybody's bytes.
func (g *gathering) fill(own, all []byte) bool {
	ranks, err := g.call(append([]byte(nil), own...))
	if err == nil && g.panicked == nil {
		err = join(all, ranks, len(own), g.size)
	}
	g.failed = err
	return err == nil && g.panicked == nil
}

func (g *gathering) call(own []byte) (ranks [][]byte, err error) {
	defer func() { g.panicked = recover() }()
	if ranks, err = g.gather(own); err != nil {
		return nil, &Error{Code: Unavailable, Message: "allGather failed: " + err.Error(), cause: err}
	}
	return ranks, nil
}

func join(all []byte, ranks [][]byte, n int, size int64) error {
	if int64(len(ranks)) != size {
		return errorf(InvalidArgument, "allGather gave bytes of %s; the group has %d", count(int64(len(ranks)), "rank"), size)
	}
	for r, one := range ranks {
		if len(one) != n {
			return errorf(InvalidArgument, "allGather gave %s of rank %d; every rank has %d", count(int64(len(one)), "byte"), r, n)
		}
		copy(all[r*n:], one)
	}
	return nil
}
