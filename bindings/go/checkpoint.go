package horizonlm

import (
	"context"
	"encoding/json"
	"runtime"

	"horizonlm/internal/native"
)

// Save saves the state after the last step into directory/step-<step>, never half; options may be nil. docs/checkpoint.md is the format.
// FailedPrecondition between Accumulate and Apply, and for a plan without optimizer states.
func (t *Trainer) Save(directory string, options *CheckpointOptions) error {
	defer runtime.KeepAlive(t)
	if err := checkText("directory", directory); err != nil {
		return err
	}
	return withOptions(native.NewHlm_checkpoint_options, native.DeleteHlm_checkpoint_options, options, func(own native.Hlm_checkpoint_options) error {
		return native.Hlm_trainer_save(t.handle(), directory, own)
	})
}

// SaveWait waits at most so many seconds (0: it looks only; negative: without limit) until no save is under way, and says whether none is. The
// error is that of a background save that failed; it is told once.
func (t *Trainer) SaveWait(seconds float64) (bool, error) {
	defer runtime.KeepAlive(t)
	var done int32
	err := native.Hlm_trainer_save_wait(t.handle(), seconds, &done)
	return done != 0, err
}

// SaveWaitContext waits until no save is under way, or the context ends: the save goes on then. The error is that of a background save that failed,
// told once, or the context's.
func (t *Trainer) SaveWaitContext(ctx context.Context) error {
	if ctx == nil {
		return errorf(InvalidArgument, "the context is nil")
	}
	for {
		if done, err := t.SaveWait(0.05); done || err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return &Error{Code: Cancelled, Message: "the context ended while a save was waited for: " + err.Error(), cause: err}
		}
	}
}

// DamagedCheckpoint is a checkpoint that cannot be used, and why.
type DamagedCheckpoint struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// Resumed says what Resume did.
type Resumed struct {
	Step       int64               `json:"step"`
	Path       string              `json:"path"`
	UserData   string              `json:"user_data"` // "" where there is none
	PassedOver []DamagedCheckpoint `json:"passed_over"`
}

// Resume puts the trainer into the state of the newest good checkpoint of a directory, or of one checkpoint folder; options may be nil. NotFound
// where there is none, DataLoss where all are damaged, FailedPrecondition for one of another model, precision or numerics.
func (t *Trainer) Resume(path string, options *ResumeOptions) (Resumed, error) {
	defer runtime.KeepAlive(t)
	var resumed Resumed
	if err := checkText("path", path); err != nil {
		return resumed, err
	}
	var text uintptr
	err := withOptions(native.NewHlm_resume_options, native.DeleteHlm_resume_options, options, func(own native.Hlm_resume_options) error {
		return native.Hlm_trainer_resume(t.handle(), path, own, &text)
	})
	if err != nil {
		return resumed, err
	}
	return resumed, parse(text, &resumed)
}

// CheckCheckpoints is an error where Trainer.Save could not write into the directory, or has fewer than so many bytes free: of one checkpoint
// Plan.Value("saving.state_bytes").
func CheckCheckpoints(directory string, bytes int64) error {
	if err := checkVersion(); err != nil {
		return err
	}
	if err := checkText("directory", directory); err != nil {
		return err
	}
	return native.Hlm_checkpoint_check(directory, bytes)
}

// Checkpoint is one of a directory.
type Checkpoint struct {
	Path     string          `json:"path"`
	Step     int64           `json:"step"`
	Bytes    int64           `json:"bytes"`
	Numerics json.RawMessage `json:"numerics"` // what PlanOptions.NumericsJSON takes
	UserData string          `json:"user_data"`
}

// Checkpoints lists those of a directory, newest first, and the damaged ones; none for a directory that is missing.
func Checkpoints(directory string) ([]Checkpoint, []DamagedCheckpoint, error) {
	if err := checkVersion(); err != nil {
		return nil, nil, err
	}
	if err := checkText("directory", directory); err != nil {
		return nil, nil, err
	}
	var text uintptr
	if err := native.Hlm_checkpoint_list(directory, &text); err != nil {
		return nil, nil, err
	}
	var found struct {
		Checkpoints []Checkpoint        `json:"checkpoints"`
		Damaged     []DamagedCheckpoint `json:"damaged"`
	}
	err := parse(text, &found)
	return found.Checkpoints, found.Damaged, err
}
