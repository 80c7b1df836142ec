// What a run leaves behind: lines "<case> <item> <value>". Values are hashes of bits, so that two runs are the same or not.
#ifndef HORIZON_LM_TESTS_BITS_RECORD_H_
#define HORIZON_LM_TESTS_BITS_RECORD_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace hlm_bits {

// Takes the bits of values, in order: -0 and 0, and two NaN, may differ.
class Digest {
 public:
  Digest();
  ~Digest();
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;

  Digest& Bytes(const void* data, size_t size);
  Digest& Number(double value) { return Bytes(&value, sizeof value); }
  Digest& Number(int64_t value) { return Bytes(&value, sizeof value); }
  Digest& Text(const std::string& text) { return Bytes(text.data(), text.size()); }
  template <class T>
  Digest& All(const std::vector<T>& values) {
    return Bytes(values.data(), values.size() * sizeof(T));
  }
  // 16 hexadecimal digits.
  std::string Hex() const;

 private:
  void* state_;
};

class Case;

class Record {
 public:
  // `only`: cases whose name has this in it; "": all.
  explicit Record(std::string only) : only_(std::move(only)) {}

  // Runs a case. What it throws is its result: a line "<case> error <message>".
  void Run(const std::string& name, const std::function<void(Case&)>& body);

  // The numerics of an earlier record's cases, for the same cases here: what a plan would choose by timing is taken from there.
  void Like(const std::map<std::string, std::string>& numerics) { like_ = numerics; }
  // Sorted.
  std::string Text() const;

 private:
  friend class Case;
  const std::string only_;
  std::map<std::string, std::string> like_;
  std::map<std::string, std::string> lines_;  // "<case> <item>" and its value
};

class Case {
 public:
  Case(Record& record, std::string name) : record_(record), name_(std::move(name)) {}

  const std::string& name() const { return name_; }
  // Each item once.
  void Put(const std::string& item, const Digest& digest) { PutText(item, digest.Hex()); }
  void PutText(const std::string& item, const std::string& value);
  // "" where there are none.
  std::string LikeNumerics() const;

 private:
  Record& record_;
  const std::string name_;
};

// Prints what differs between two records; the exit code: 0 where no result differs. A line of only one of them is no difference
// but is counted, and so is a case that was refused before.
// `reasons`: a file of keys of the numerics, each with the reason why it may differ, and results with it (reasons.txt); or empty.
int Compare(const std::string& before, const std::string& after, const std::string& reasons = "");

// The numerics of each case of a record.
std::map<std::string, std::string> ReadNumerics(const std::string& path);

}  // namespace hlm_bits

#endif  // HORIZON_LM_TESTS_BITS_RECORD_H_
