// What opening a data set of very many files asks of the medium.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "core/text/dataset/source_files.h"

namespace {
std::atomic<int> waits{0};
}  // namespace

// In place of the C library's: counts the waits for the medium.
extern "C" int fsync(int fd) {
  ++waits;
  return static_cast<int>(syscall(SYS_fsync, fd));
}

namespace hlm::dataset {
namespace {

namespace fs = std::filesystem;

std::string Write(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
  // Not of this moment: the hash of what may still change is not kept.
  fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(1));
  return path.string();
}

// A wait for each of 50,000 files of a line each takes minutes; the hashes are for speed alone.
TEST(FileHashes, AreKeptWithoutAWaitForTheMedium) {
  constexpr int kFiles = 200;
  const fs::path folder = fs::path(testing::TempDir()) / "many_files", memory = folder / "memory";
  fs::remove_all(folder);
  fs::create_directories(memory);
  std::vector<std::string> files, hashes;
  for (int i = 0; i < kFiles; ++i) {
    files.push_back(Write(folder / (std::to_string(i) + ".jsonl"), "{\"text\":\"" + std::to_string(i) + "\"}\n"));
    hashes.push_back(HashOfFile(files.back(), ""));
  }
  waits = 0;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < kFiles; ++i) EXPECT_EQ(HashOfFile(files[i], memory.string()), hashes[i]);
  }
  EXPECT_EQ(waits, 0);
  std::vector<fs::path> kept(fs::directory_iterator(memory), {});
  ASSERT_EQ(kept.size(), size_t{kFiles});

  // As a crash leaves them, of any length: the files are read.
  for (size_t i = 0; i < kept.size(); ++i) fs::resize_file(kept[i], i % fs::file_size(kept[i]));
  for (int i = 0; i < kFiles; ++i) EXPECT_EQ(HashOfFile(files[i], memory.string()), hashes[i]);
}

}  // namespace
}  // namespace hlm::dataset
