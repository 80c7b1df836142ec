package horizonlm

// Batch is documents of any lengths, one behind the other, without padding. The slices are handed to the library without a copy.
type Batch struct {
	IDs         []int32   // token ids
	Offsets     []int64   // document d is IDs[Offsets[d]:Offsets[d+1]]; nil: one document
	Labels      []int32   // nil: the ids themselves. Labels[t] is predicted from the tokens before t; -100 is not predicted
	Weights     []float32 // nil: 1 for each predicted token
	Denominator float64   // 0: the sum of the weights of the predicted tokens

	EntropyWeights []float32 // adds EntropyWeights[t] times the entropy of the prediction of token t; nil: 0
	Temperature    float64   // what logits are divided by before softmax; 0: 1
}

// NewBatch makes a batch of whole documents, which are copied.
func NewBatch(documents ...[]int32) *Batch {
	batch := &Batch{Offsets: []int64{0}}
	for _, document := range documents {
		batch.IDs = append(batch.IDs, document...)
		batch.Offsets = append(batch.Offsets, int64(len(batch.IDs)))
	}
	return batch
}

func (b *Batch) offsets() []int64 {
	if b.Offsets == nil {
		return []int64{0, int64(len(b.IDs))}
	}
	return b.Offsets
}
