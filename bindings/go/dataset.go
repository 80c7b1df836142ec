package horizonlm

import (
	"io"
	"runtime"

	"horizonlm/internal/native"
)

// Dataset is files of examples as steps of documents: tokenized once and kept, shuffled, mixed, split and packed.
type Dataset struct{ box uintptr }

// OpenDataset opens a data set; docs/datasets.md and hlm_dataset_open in horizon_lm.h describe the config. Text needs a tokenizer, conversations a
// template; the config's "model" names a folder that has both, and they may be nil then. They may be closed afterwards. InvalidArgument naming
// file and line for a damaged record or an unknown key, FailedPrecondition where tokenizer or template is missing.
func OpenDataset(configJSON string, tokenizer *Tokenizer, template *Template) (*Dataset, error) {
	defer runtime.KeepAlive(tokenizer)
	defer runtime.KeepAlive(template)
	if err := checkVersion(); err != nil {
		return nil, err
	}
	if err := checkText("configJSON", configJSON); err != nil {
		return nil, err
	}
	var box uintptr
	if err := native.Hlm_dataset_open(configJSON, tokenizer.handle(), template.handle(), &box); err != nil {
		return nil, err
	}
	d := &Dataset{box}
	runtime.SetFinalizer(d, func(d *Dataset) { native.Hlm_dataset_free(d.box) })
	return d, nil
}

// Close frees the data set. It may be called more than once.
func (d *Dataset) Close() error {
	defer runtime.KeepAlive(d)
	return native.Hlm_dataset_close(d.handle())
}

// String says what it is in a line. It never fails.
func (d *Dataset) String() string {
	defer runtime.KeepAlive(d)
	return line("Dataset", d.handle(), native.Hlm_dataset_closed, func() (string, error) {
		info, err := d.Describe()
		return count(info.Documents, "document") + ", " + count(info.Tokens, "token"), err
	})
}

// DatasetInfo is what was read; JSON holds the rest.
type DatasetInfo struct {
	Records       int64            `json:"records"`
	Examples      int64            `json:"examples"`
	Documents     int64            `json:"documents"`
	Tokens        int64            `json:"tokens"`
	TrainedTokens int64            `json:"trained_tokens"`
	Dropped       int64            `json:"dropped"`
	DroppedFor    map[string]int64 `json:"dropped_for"`
	Account       []Change         `json:"account"`
	Rows          int64            `json:"rows"` // an epoch
	ColumnLength  int64            `json:"column_length"`
}

// ReadRecord gives record index of the files, from 0, as a data set of this configuration would read it, as JSON. Nothing is tokenized.
func ReadRecord(configJSON string, index int64) (string, error) {
	if err := checkVersion(); err != nil {
		return "", err
	}
	if err := checkText("configJSON", configJSON); err != nil {
		return "", err
	}
	var text uintptr
	if err := native.Hlm_dataset_read_record(configJSON, index, &text); err != nil {
		return "", err
	}
	return takeText(text), nil
}

// Change is a row of what was done to the records beside reading them: dropped, cut, unused or repaired.
type Change struct {
	Did     string `json:"did"`
	What    string `json:"what"`
	Name    string `json:"name"`
	Records int64  `json:"records"`
	Amount  int64  `json:"amount"`
	First   string `json:"first"` // file:line
	Text    string `json:"text"`
}

// Describe says what was read.
func (d *Dataset) Describe() (DatasetInfo, error) {
	defer runtime.KeepAlive(d)
	var info DatasetInfo
	var text uintptr
	if err := native.Hlm_dataset_describe(d.handle(), &text); err != nil {
		return info, err
	}
	return info, parse(text, &info)
}

// JSON is everything that Describe says and more, as the library's own text.
func (d *Dataset) JSON() (string, error) {
	defer runtime.KeepAlive(d)
	var text uintptr
	if err := native.Hlm_dataset_describe(d.handle(), &text); err != nil {
		return "", err
	}
	return takeText(text), nil
}

// Documents is a step of a data set. Its slices are its own: they stay as they are.
type Documents struct {
	Batch             // IDs, Offsets and Labels, to step on
	Numbers   []int64 // of each document: its place in a column
	Desirable []int32 // of each document: 0 where a label calls it undesirable, or it is a pair's second; else 1
	Rows      []int64 // row r has the documents from Rows[r] up to Rows[r+1]
	Trained   int64   // labels that are not -100
	Epoch     int64   // from 0
}

// Next is the next step: what rows rows of seq_len tokens hold (a plan's BatchSize). The error is io.EOF at the end of the last epoch.
func (d *Dataset) Next(rows int64) (*Documents, error) {
	defer runtime.KeepAlive(d)
	var box uintptr
	err := native.Hlm_dataset_next(d.handle(), rows, &box)
	return takeDocuments(box, err)
}

// Mismatched is, for "kto", the last step with answers moved on to another prompt (see Trainer.AccumulateKTO); io.EOF where it has one prompt.
func (d *Dataset) Mismatched() (*Documents, error) {
	defer runtime.KeepAlive(d)
	var box uintptr
	err := native.Hlm_dataset_mismatched(d.handle(), &box)
	return takeDocuments(box, err)
}

func takeDocuments(box uintptr, err error) (*Documents, error) {
	if err != nil {
		return nil, err
	}
	if box == 0 {
		return nil, io.EOF
	}
	defer native.Hlm_documents_free(box)
	sizes := make([]float64, 5)
	if err := native.Hlm_documents_describe(box, sizes); err != nil {
		return nil, err
	}
	ids, documents := int(sizes[0]), int(sizes[1])
	step := &Documents{
		Batch:     Batch{IDs: make([]int32, ids), Offsets: make([]int64, documents+1), Labels: make([]int32, ids)},
		Numbers:   make([]int64, documents),
		Desirable: make([]int32, documents),
		Rows:      make([]int64, int(sizes[2])),
		Trained:   int64(sizes[3]),
		Epoch:     int64(sizes[4]),
	}
	err = native.Hlm_documents_copy(box, step.IDs, step.Offsets, step.Labels, step.Numbers, step.Desirable, step.Rows)
	return step, err
}

// Position is where the next step begins, a short JSON text: for a checkpoint's user data.
func (d *Dataset) Position() (string, error) {
	defer runtime.KeepAlive(d)
	var text uintptr
	if err := native.Hlm_dataset_position(d.handle(), &text); err != nil {
		return "", err
	}
	return takeText(text), nil
}

// Seek goes to such a place: what follows is what followed then. FailedPrecondition where files or options are others.
func (d *Dataset) Seek(position string) error {
	defer runtime.KeepAlive(d)
	if err := checkText("position", position); err != nil {
		return err
	}
	return native.Hlm_dataset_seek(d.handle(), position)
}

// WriteColumn keeps a float for each document (ColumnLength of them) in the cache, as log-probabilities of a reference. key says what they
// were computed with, as a hash of the weights. FailedPrecondition without a cache.
func (d *Dataset) WriteColumn(name, key string, values []float32) error {
	defer runtime.KeepAlive(d)
	if err := checkColumn(name, key); err != nil {
		return err
	}
	return native.Hlm_dataset_write_column(d.handle(), name, key, values)
}

// ReadColumn reads what WriteColumn kept. NotFound where there is none.
func (d *Dataset) ReadColumn(name, key string, values []float32) error {
	defer runtime.KeepAlive(d)
	if err := checkColumn(name, key); err != nil {
		return err
	}
	return native.Hlm_dataset_read_column(d.handle(), name, key, values)
}

func checkColumn(name, key string) error {
	if err := checkText("name", name); err != nil {
		return err
	}
	return checkText("key", key)
}

func (d *Dataset) handle() uintptr {
	if d == nil {
		return 0
	}
	return d.box
}
