#include "core/text/dataset/build_store.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <thread>
#include <utility>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/json_text.h"
#include "core/io/staged_folder.h"
#include "core/text/dataset/hash.h"

namespace hlm::dataset {
namespace {

constexpr int64_t kFormatVersion = 11;  // of what is written, and of the rules by which it is made
constexpr size_t kChunkRecords = 2048, kChunkBytes = size_t{16} << 20;
constexpr int64_t kNarrowIds = 65536;

struct ReadRecord {
  std::string text;
  int64_t line;
  bool plain;
};

struct Outcome {
  std::vector<TokenDocument> documents;
  Dropped dropped = Dropped::kNot;
  Notes notes;
  std::exception_ptr error;
};

// Runs work(i) for each i below n on up to `threads` threads. `work` throws nothing.
template <class Body>
void ParallelFor(size_t n, size_t threads, const Body& work) {
  std::atomic<size_t> next{0};
  const auto run = [&] {
    for (size_t i; (i = next.fetch_add(1)) < n;) work(i);
  };
  std::vector<std::thread> others;
  try {
    others.reserve(threads);
    while (others.size() + 1 < std::min(threads, n)) others.emplace_back(run);
  } catch (const std::exception&) {
    // No further thread is to be had, or no memory for one: those there do all of it.
  }
  run();
  for (std::thread& thread : others) thread.join();
}

bool HasTarget(const TokenDocument& document) {
  return document.trained.size() > 1 &&
         std::find(document.trained.begin() + 1, document.trained.end(), 1) != document.trained.end();
}

class Builder {
 public:
  Builder(const DatasetOptions& options, const TextPipeline& pipeline, const std::string& folder, bool durable)
      : options_(options), pipeline_(pipeline), writer_(folder, Narrow(pipeline), durable) {
    const int64_t own = static_cast<int64_t>(std::thread::hardware_concurrency());
    threads_ = static_cast<size_t>(std::clamp<int64_t>(options.threads > 0 ? options.threads : own, 1, 256));
  }

  static bool Narrow(const TextPipeline& pipeline) { return pipeline.vocab_size > 0 && pipeline.vocab_size <= kNarrowIds; }

  void Run() {
    for (size_t s = 0; s < options_.sources.size(); ++s) {
      const Source& source = options_.sources[s];
      sources_.push_back({});
      sources_.back().files = static_cast<int32_t>(source.files.size());
      for (size_t f = 0; f < source.files.size(); ++f) ReadFile(source, static_cast<int32_t>(s), static_cast<int32_t>(f));
    }
    writer_.Finish(sources_, account_);
  }

  const std::string& first_bad() const { return first_bad_; }

 private:
  void ReadFile(const Source& source, int32_t s, int32_t f) {
    const std::string& path = source.files[static_cast<size_t>(f)];
    RecordReader reader(path, options_.max_record_bytes);
    FormatSpec spec = source.spec;
    std::vector<ReadRecord> chunk;
    size_t bytes = 0;
    Record record;
    while (true) {
      const bool more = reader.Next(&record);
      if (more) {
        chunk.push_back({std::string(record.text), record.line, record.plain});
        bytes += record.text.size();
      }
      if (!chunk.empty() && (!more || chunk.size() == kChunkRecords || bytes >= kChunkBytes)) {
        Work(chunk, spec, reader, s, f);
        chunk.clear();
        bytes = 0;
      }
      if (!more) break;
    }
    sources_.back().format = static_cast<int32_t>(spec.format);
  }

  // Only what is wrong with the record: a missing tokenizer or a full disk is no reason to go on.
  bool MayBeSkipped(const Error& error) const {
    return options_.skip_bad_records && (error.code() == Code::kInvalidArgument || error.code() == Code::kUnimplemented);
  }

  static JsonValue Parse(const ReadRecord& record, const std::string& where) {
    return ParseRecord({record.text, record.line, record.plain}, where);
  }

  void Work(const std::vector<ReadRecord>& chunk, FormatSpec& spec, const RecordReader& reader, int32_t s, int32_t f) {
    // The first record that can be read says which format the file has.
    for (size_t i = 0; i < chunk.size() && spec.format == Format::kAuto; ++i) {
      const std::string where = reader.Where(chunk[i].line);
      try {
        const JsonValue record = Parse(chunk[i], where);
        spec = DetectFormat(record, options_.task, where);
      } catch (const Error& error) {
        if (!MayBeSkipped(error)) throw;
      }
    }
    std::vector<Outcome> outcomes(chunk.size());
    ParallelFor(chunk.size(), threads_, [&](size_t i) { Process(chunk[i], spec, reader, outcomes[i]); });
    for (size_t i = 0; i < chunk.size(); ++i) Keep(chunk[i], outcomes[i], reader.Where(chunk[i].line), s, f);
  }

  void Process(const ReadRecord& record, const FormatSpec& spec, const RecordReader& reader, Outcome& outcome) const noexcept {
    try {
      const std::string where = reader.Where(record.line);
      const JsonValue value = Parse(record, where);
      if (spec.format == Format::kAuto) throw InvalidArgument(where, ": the file's format could not be found");
      Example example;
      outcome.dropped = ReadExample(value, spec, options_.read, where, &example);
      outcome.notes = std::move(example.notes);
      if (outcome.dropped != Dropped::kNot) return;
      outcome.documents = TokenizeExample(example, options_.task, options_.train_on, pipeline_, where, &outcome.notes);
      for (const TokenDocument& document : outcome.documents) {
        if (document.ids.size() > INT32_MAX)
          throw InvalidArgument(where, ": a document of ", document.ids.size(), " tokens; at most ", INT32_MAX, " are possible");
      }
    } catch (...) {
      outcome.error = std::current_exception();
    }
  }

  void Keep(const ReadRecord& record, Outcome& outcome, const std::string& where, int32_t s, int32_t f) {
    StoredSource& source = sources_.back();
    ++source.records;
    if (outcome.error) {
      try {
        std::rethrow_exception(outcome.error);
      } catch (const Error& error) {
        if (!MayBeSkipped(error)) throw;
        ++source.bad;
        Count(Did::kDropped, "bad_record", where);
        if (first_bad_.empty()) first_bad_ = error.message();
      }
      return;
    }
    if (outcome.dropped != Dropped::kNot) {  // what a record that is dropped has beside is nobody's loss
      const bool empty = outcome.dropped == Dropped::kEmptyAnswer;
      ++(empty ? source.empty : source.turn_order);
      Count(Did::kDropped, empty ? "empty_answer" : "turn_order", where);
      return;
    }
    account_.Add(outcome.notes, where);

    const bool pair = options_.task == Task::kPreference;
    const auto trains = [](const TokenDocument& document) { return HasTarget(document); };
    const bool all = std::all_of(outcome.documents.begin(), outcome.documents.end(), trains);
    const bool any = std::any_of(outcome.documents.begin(), outcome.documents.end(), trains);
    if (pair ? !all : !any) {
      ++source.untrained;
      Count(Did::kDropped, "nothing_trained", where);
      return;
    }
    StoredDocument about;
    about.line = record.line;
    about.identity = Hash64(record.text);
    about.source = s;
    about.file = f;
    for (const TokenDocument& document : outcome.documents) {
      if (!trains(document)) continue;
      writer_.Append(document, about);
      about.flags = StoredDocument::kContinues;
    }
  }

  void Count(Did did, const char* what, const std::string& where) {
    Note note;
    note.did = did;
    note.what = what;
    account_.Add({std::move(note)}, where);
  }

  const DatasetOptions& options_;
  const TextPipeline& pipeline_;
  TokenStoreWriter writer_;
  Account account_;
  size_t threads_ = 1;
  std::vector<StoredSource> sources_;
  std::string first_bad_;
};

void AddColumn(Hasher& hasher, const Column& column) {
  hasher.AddNumber(column.has_value());
  hasher.AddText(column.value_or(""));
}

std::string KeyOf(const DatasetOptions& o, const TextPipeline& pipeline, const std::string& memory_folder) {
  Hasher hasher;
  hasher.AddNumber(kFormatVersion);
  hasher.AddText(pipeline.tokenizer_key);
  hasher.AddText(pipeline.template_key);
  hasher.AddNumber(pipeline.eos.value_or(-1));
  hasher.AddNumber(pipeline.vocab_size);
  for (const int64_t option :
       {static_cast<int64_t>(o.task), static_cast<int64_t>(o.train_on), int64_t{o.skip_bad_records}, int64_t{o.read.join_parts},
        int64_t{o.read.keep_empty_answers}, int64_t{o.read.drop_null}, int64_t{o.read.count_unused}, o.max_record_bytes}) {
    hasher.AddNumber(option);
  }
  for (const Source& source : o.sources) {
    FormatSpec spec = source.spec;
    hasher.AddNumber(static_cast<int64_t>(spec.format));
    hasher.AddNumber(spec.ranking);
    hasher.AddNumber(spec.own_tags);
    hasher.AddNumber(spec.leaves_out);
    for (const auto& [name, column] : NamedColumns(spec.columns)) AddColumn(hasher, *column);
    for (const char* name :
         {"role_tag", "content_tag", "user_tag", "assistant_tag", "observation_tag", "function_tag", "system_tag"}) {
      AddColumn(hasher, *FindTag(spec.tags, name));
    }
    hasher.AddNumber(static_cast<int64_t>(source.files.size()));
    for (const std::string& file : source.files) {
      hasher.AddNumber(HoldsPlainLines(file));
      hasher.AddText(HashOfFile(file, memory_folder));
    }
  }
  return hasher.DigestHex();
}

// Makes the folder and those above it that are missing; false where it cannot be written to.
bool MakeFolder(const std::string& path) {
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    mkdir(path.substr(0, slash).c_str(), 0777);
    if (slash == std::string::npos) break;
  }
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && access(path.c_str(), W_OK | X_OK) == 0;
}

int RemoveOne(const char* path, const struct stat*, int, struct FTW*) { return remove(path); }

// A folder that goes with this object; what is mapped from it stays until it is unmapped.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    const char* parent = std::getenv("TMPDIR");
    path_ = StrCat(parent != nullptr && *parent != '\0' ? parent : "/tmp", "/horizon-lm-XXXXXX");
    if (mkdtemp(path_.data()) == nullptr) throw FileError(errno, "make the folder", path_);
  }
  ~TemporaryFolder() { nftw(path_.c_str(), RemoveOne, 8, FTW_DEPTH | FTW_PHYS); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void BuildInto(const DatasetOptions& options, const TextPipeline& pipeline, const std::string& folder, bool durable,
               std::string& note) {
  Builder builder(options, pipeline, folder, durable);
  builder.Run();
  if (builder.first_bad().empty()) return;
  note += StrCat(note.empty() ? "" : "; ", "the first record that was skipped: ", builder.first_bad());
}

}  // namespace

BuiltStore OpenStore(const DatasetOptions& options, const TextPipeline& pipeline) {
  BuiltStore built;
  std::string cache;
  if (options.keep_cache) {
    cache = options.cache_dir;
    if (cache.empty()) {
      const std::string& first = options.sources.front().files.front();
      const size_t slash = first.rfind('/');
      cache = (slash == std::string::npos ? std::string(".") : first.substr(0, slash)) + "/.horizon-cache";
    }
    if (!MakeFolder(cache)) {
      if (!options.cache_dir.empty()) throw FailedPrecondition("cache_dir: cannot write to the folder ", PrintablePath(cache));
      built.note = StrCat("no cache is kept: cannot write to ", PrintablePath(cache));
      cache.clear();
    }
  }
  built.key = KeyOf(options, pipeline, cache);
  const bool narrow = Builder::Narrow(pipeline);
  built.state = "built";
  if (cache.empty()) {
    const TemporaryFolder folder;
    BuildInto(options, pipeline, folder.path(), false, built.note);
    built.store = std::make_unique<const TokenStore>(folder.path(), narrow);
    return built;
  }

  built.folder = cache + "/" + built.key;
  try {
    built.store = std::make_unique<const TokenStore>(built.folder, narrow);
    built.state = "read";
    return built;
  } catch (const Error& error) {
    if (error.code() != Code::kNotFound && error.code() != Code::kDataLoss) throw;
    struct stat status;
    if (stat(built.folder.c_str(), &status) == 0) {
      built.state = "rebuilt";
      built.note = StrCat("the cache was damaged and is made again: ", error.message());
    }
  }
  StagedFolder staged(built.folder, true);
  BuildInto(options, pipeline, staged.path(), true, built.note);
  staged.Publish();
  built.store = std::make_unique<const TokenStore>(built.folder, narrow);
  return built;
}

}  // namespace hlm::dataset
