// Files for the data set tests.
#ifndef HORIZON_LM_TESTS_DATASET_SUPPORT_H_
#define HORIZON_LM_TESTS_DATASET_SUPPORT_H_

#include <string>
#include <string_view>
#include <vector>

namespace hlm::dataset {

// A folder of its own, removed with everything in it.
class TestFiles {
 public:
  TestFiles();
  ~TestFiles();
  TestFiles(const TestFiles&) = delete;
  TestFiles& operator=(const TestFiles&) = delete;

  const std::string& folder() const { return folder_; }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  // Writes a file and returns its path.
  std::string Write(const std::string& name, std::string_view text) const;

 private:
  std::string folder_;
};

std::string ReadAll(const std::string& path);

// "line:text" of each record; an error ends the list as "error: ..." with the folder's name taken out.
std::vector<std::string> ReadRecords(const std::string& path, int64_t most_bytes);

}  // namespace hlm::dataset

#endif  // HORIZON_LM_TESTS_DATASET_SUPPORT_H_
