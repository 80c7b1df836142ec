// In which order a data set's units (documents, or pairs of them) come, epoch after epoch. All of it follows from the seed:
// nothing is remembered, so any place of any epoch can be gone to.
#ifndef HORIZON_LM_CORE_TEXT_DATASET_ORDER_H_
#define HORIZON_LM_CORE_TEXT_DATASET_ORDER_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace hlm::dataset {

// A random order of the numbers below n (Fisher and Yates, Durstenfeld's form, on counter-based random numbers).
std::vector<int64_t> Permutation(int64_t n, int64_t seed, std::string_view what, int64_t index);

// Records that go to the evaluation part. Which ones depends on the seed and on each record's own bytes, not on its place:
// records that are added later move none of the others, and equal records stay together.
bool InEvaluation(uint64_t identity, double fraction, int64_t seed);
// The same for a number of them: those whose draw is smallest. One byte a record.
std::vector<uint8_t> EvaluationRecords(std::span<const uint64_t> identities, int64_t count, int64_t seed);
// `count` records of a source, drawn by the seed. One byte a record.
std::vector<uint8_t> SampledRecords(std::span<const uint64_t> identities, int64_t count, int64_t seed);

class Order {
 public:
  // sizes[s]: units of source s. weights[s]: its share of an epoch; all -1: every unit once an epoch. With weights an epoch has
  // as many units as there are in all; a source gives its share of them (largest remainder), going round its own units, so that
  // none is seen a second time more often than another.
  Order(std::vector<int64_t> sizes, std::vector<double> weights, bool shuffle, int64_t seed);

  struct Place {
    int32_t source;
    int64_t unit;  // of the source
  };
  std::vector<Place> Epoch(int64_t epoch) const;
  int64_t units_per_epoch() const { return per_epoch_; }
  std::span<const int64_t> shares() const { return shares_; }  // units an epoch, for each source

 private:
  std::vector<int32_t> Interleave(int64_t epoch) const;

  std::vector<int64_t> sizes_, shares_;
  std::vector<double> weights_;
  bool shuffle_;
  bool weighted_ = false;
  int64_t seed_;
  int64_t per_epoch_ = 0;
};

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_ORDER_H_
