package horizonlm

import (
	"runtime"

	"horizonlm/internal/native"
)

// Plan is everything that a run will do with memory, fixed before the first byte is allocated.
type Plan struct{ box uintptr }

// NewPlan makes a plan for a model and allocates nothing; options may be nil. ResourceExhausted, with the bytes needed and what to change,
// where the model does not fit; InvalidArgument for options that contradict each other.
func NewPlan(model *Model, options *PlanOptions) (*Plan, error) {
	defer runtime.KeepAlive(model)
	var box uintptr
	err := withOptions(native.NewHlm_plan_options, native.DeleteHlm_plan_options, options, func(own native.Hlm_plan_options) error {
		return native.Hlm_plan_make(model.handle(), own, &box)
	})
	if err != nil {
		return nil, err
	}
	p := &Plan{box}
	runtime.SetFinalizer(p, func(p *Plan) { native.Hlm_plan_free(p.box) })
	return p, nil
}

// Close frees the plan. It may be called more than once.
func (p *Plan) Close() error {
	defer runtime.KeepAlive(p)
	return native.Hlm_plan_close(p.handle())
}

// String says what it is in a line. It never fails.
func (p *Plan) String() string {
	defer runtime.KeepAlive(p)
	return line("Plan", p.handle(), native.Hlm_plan_closed, func() (string, error) {
		var text uintptr
		if err := native.Hlm_plan_json(p.handle(), &text); err != nil {
			return "", err
		}
		var plan struct {
			Device      string `json:"device"`
			HostBytes   int64  `json:"host_bytes"`
			DeviceBytes int64  `json:"device_bytes"`
		}
		err := parse(text, &plan)
		return gib(plan.HostBytes) + " of host memory, " + gib(plan.DeviceBytes) + " on " + plan.Device, err
	})
}

// JSON is the whole plan; docs/plan.md lists its keys.
func (p *Plan) JSON() (string, error) {
	defer runtime.KeepAlive(p)
	var text uintptr
	if err := native.Hlm_plan_json(p.handle(), &text); err != nil {
		return "", err
	}
	return takeText(text), nil
}

// Value is one whole number of the plan, as "host_bytes". NotFound for a key that is not there or not a number.
func (p *Plan) Value(key string) (int64, error) {
	defer runtime.KeepAlive(p)
	if err := checkText("key", key); err != nil {
		return 0, err
	}
	var value int64
	err := native.Hlm_plan_value(p.handle(), key, &value)
	return value, err
}

// TimeProducts times the matrix products of one step alone; a JSON object. Takes some seconds.
func (p *Plan) TimeProducts() (string, error) {
	defer runtime.KeepAlive(p)
	var text uintptr
	if err := native.Hlm_plan_time_products(p.handle(), &text); err != nil {
		return "", err
	}
	return takeText(text), nil
}

func (p *Plan) handle() uintptr {
	if p == nil {
		return 0
	}
	return p.box
}
