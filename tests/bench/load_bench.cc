// How fast a model folder comes into host memory, beside the rate at which its files can be read at all.
//   load_bench FOLDER [device] [threads]        the page cache is emptied of the files before each
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "c_api/horizon_lm.h"

namespace {

constexpr int64_t kPiece = int64_t{4} << 20;

double Now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

void Check(hlm_error* error) {
  if (error == nullptr) return;
  std::fprintf(stderr, "error: %s\n", hlm_error_message(error));
  std::exit(1);
}

int Open(const std::string& path, int flags) {
  const int fd = open(path.c_str(), O_RDONLY | flags);
  if (fd < 0) {
    std::perror(path.c_str());
    std::exit(1);
  }
  return fd;
}

void Forget(const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    const int fd = Open(file, 0);
    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
  }
}

// Reads every byte once, a piece at a time on each thread. Returns seconds.
double ReadAll(const std::vector<std::string>& files, int threads, int flags) {
  struct Piece {
    int fd;
    int64_t at;
  };
  std::vector<Piece> pieces;
  for (const std::string& file : files) {
    const int fd = Open(file, flags);
    for (int64_t at = 0; at < static_cast<int64_t>(std::filesystem::file_size(file)); at += kPiece) pieces.push_back({fd, at});
  }
  std::atomic<size_t> next{0};
  const double start = Now();
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&] {
      void* buffer = std::aligned_alloc(4096, kPiece);
      for (size_t i = next++; i < pieces.size(); i = next++) {
        if (pread(pieces[i].fd, buffer, kPiece, pieces[i].at) < 0) std::perror("pread");
      }
      std::free(buffer);
    });
  }
  for (std::thread& worker : workers) worker.join();
  return Now() - start;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: load_bench FOLDER [device] [threads]\n");
    return 2;
  }
  const std::string folder = argv[1];
  const int threads = argc > 3 ? std::atoi(argv[3]) : static_cast<int>(std::thread::hardware_concurrency());
  std::vector<std::string> files;
  double bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".safetensors") continue;
    files.push_back(entry.path());
    bytes += static_cast<double>(entry.file_size());
  }
  const auto report = [&](const char* name, double seconds) {
    std::printf("%-40s %7.2f s %7.2f GB/s\n", name, seconds, bytes / seconds * 1e-9);
    std::fflush(stdout);
    return seconds;
  };
  std::printf("%s, %.2f GB in %zu files, %d threads\n", folder.c_str(), bytes * 1e-9, files.size(), threads);
  Forget(files);
  const double cached = report("read through the page cache", ReadAll(files, threads, 0));
  Forget(files);
  const double direct = report("read directly", ReadAll(files, threads, O_DIRECT));
  Forget(files);

  double start = Now();
  hlm_model* model = nullptr;
  hlm_plan* plan = nullptr;
  hlm_trainer* trainer = nullptr;
  hlm_plan_options options;
  hlm_plan_options_init(&options);
  options.purpose = HLM_PURPOSE_FORWARD;
  options.device = argc > 2 ? argv[2] : "cpu";
  options.batch_size = 1;
  options.seq_len = 64;
  Check(hlm_model_open(folder.c_str(), &model));
  Check(hlm_plan_make(model, &options, &plan));
  const double planned = Now() - start;
  Check(hlm_trainer_create(model, plan, nullptr, &trainer));
  const double loaded = report("a trainer with the model in it", Now() - start);
  std::printf("%.2f s of it for the plan; %.2f of the better rate\n", planned, std::min(cached, direct) / loaded);
  hlm_trainer_destroy(trainer);
  hlm_plan_destroy(plan);
  hlm_model_destroy(model);
  return 0;
}
