// Any allocation of a load, a session or a run may fail. Then the call answers OutOfMemory (or succeeds,
// where it could do without), nothing leaks, and the same call on the same objects succeeds once there is
// memory again, with the same results.
//
// For each small model the request is made again and again, with the first, second, third ... allocation
// failing: only that one, and that one with all after it (an error path that needs memory gets none). Long
// requests are sampled, so that the test takes seconds; ONWARD_FAULTS=all tries every point.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "base/file.h"
#include "faults/allocations.h"
#include "faults/models.h"
#include "faults/request.h"
#include "passes/test_support.h"

namespace ow::faults {
namespace {

const onward_api& api() { return *onward_get_api(ONWARD_ABI_VERSION); }

class OutOfMemory : public ::testing::TestWithParam<size_t> {
 protected:
  void SetUp() override {
    model_ = small_models()[GetParam()];
    for (uint64_t& digest : digests_) {  // what the process makes once is made here
      Request request(model_.bytes, data_folder(), 0);
      const onward_code code = request.go_on();
      if (code != ONWARD_OK && is_extra(GetParam())) GTEST_SKIP() << request.error();
      ASSERT_EQ(code, ONWARD_OK) << model_.name << ": " << request.error();
      digest = request.output_digest();
    }
  }

  // Whether an allocation failed: false past the last one.
  bool fail_at(int64_t n, bool and_after) {
    const int64_t live = live_allocations();
    bool failed = false;
    {
      Request request(model_.bytes, data_folder(), 0);
      fail_allocation(n, and_after);
      const onward_code code = request.go_on();
      failed = disarm();
      EXPECT_TRUE(code == ONWARD_OK || (failed && code == ONWARD_OUT_OF_MEMORY))
          << "allocation " << n << " failed: code " << code << ": " << request.error();
      EXPECT_EQ(request.go_on(), ONWARD_OK) << "after allocation " << n << " failed: " << request.error();
      if (digests_[0] == digests_[1]) {  // no random numbers
        EXPECT_EQ(request.output_digest(), digests_[0]) << "after allocation " << n << " failed";
      }
    }
    EXPECT_EQ(live_allocations(), live) << "leaked after allocation " << n << " failed";
    return failed;
  }

  void fail_each(bool and_after) {
    int64_t n = 1;
    for (; fail_at(n, and_after); ++n) ASSERT_FALSE(HasFailure());
    std::printf("  %-20s %4lld allocations\n", model_.name.c_str(), static_cast<long long>(n - 1));
    EXPECT_GT(n, 50);
  }

  SmallModel model_;
  uint64_t digests_[2] = {};
};

TEST_P(OutOfMemory, OneAllocationFails) { fail_each(false); }
TEST_P(OutOfMemory, AllAllocationsFailFromOneOn) { fail_each(true); }

INSTANTIATE_TEST_SUITE_P(Models, OutOfMemory, ::testing::Range<size_t>(0, small_models().size()),
                         [](const auto& of) { return small_models()[of.param].name; });

onward_code code_of(onward_status* status) {
  const onward_code code = api().status_code(status);
  api().status_free(status);
  return code;
}

// Calls again and again, one allocation later failing each time. `call` frees what it makes.
template <class F>
void expect_survives(const char* what, F call) {
  ASSERT_EQ(call(), ONWARD_OK) << what;
  for (bool and_after : {false, true}) {
    bool failed = true;
    for (int64_t n = 1; failed; ++n) {
      const int64_t live = live_allocations();
      fail_allocation(n, and_after);
      const onward_code code = call();
      failed = disarm();
      EXPECT_EQ(code, failed ? ONWARD_OUT_OF_MEMORY : ONWARD_OK) << what << ", allocation " << n;
      EXPECT_EQ(live_allocations(), live) << what << ", allocation " << n;
      ASSERT_LT(n, 1000) << what;
    }
  }
}

TEST(OutOfMemoryInValues, EachFunctionAnswers) {
  const int64_t dims[] = {2};
  onward_value* strings = nullptr;
  ASSERT_EQ(code_of(api().tensor_create(ONWARD_STRING, dims, 1, &strings)), ONWARD_OK);
  const auto kept = [](onward_status* status, onward_value* v) {
    api().value_free(v);
    return code_of(status);
  };
  for (onward_dtype dtype : {ONWARD_FLOAT32, ONWARD_STRING})
    expect_survives("tensor_create", [&] {
      onward_value* v = nullptr;
      onward_status* status = api().tensor_create(dtype, dims, 1, &v);
      return kept(status, v);
    });
  expect_survives("tensor_set_string", [&] {
    const std::string_view text = "longer than the string object itself";
    return code_of(api().tensor_set_string(strings, 1, text.data(), text.size()));
  });
  expect_survives("sequence_create", [&] {
    onward_value *s = nullptr, *item = nullptr;
    onward_status* status = api().sequence_create(&strings, 1, &s);
    if (!status) status = api().sequence_at(s, 0, &item);
    api().value_free(item);
    return kept(status, s);
  });
  expect_survives("cancel_create", [] {
    onward_cancel* cancel = api().cancel_create();
    api().cancel_free(cancel);
    return cancel ? ONWARD_OK : ONWARD_OUT_OF_MEMORY;
  });
  api().value_free(strings);
}

TEST(OutOfMemoryInValues, WrappedMemoryIsReleasedOnceOrNotAtAll) {
  float data[2] = {1, 2};
  const int64_t dims[] = {2};
  int released = 0;
  expect_survives("tensor_wrap", [&] {
    onward_value* v = nullptr;
    released = 0;
    onward_status* status = api().tensor_wrap(
        ONWARD_FLOAT32, dims, 1, data, sizeof data, [](void* count) { ++*static_cast<int*>(count); },
        &released, &v);
    const onward_code code = code_of(status);
    EXPECT_EQ(released, 0);
    api().value_free(v);
    EXPECT_EQ(released, code == ONWARD_OK ? 1 : 0);
    return code;
  });
}

TEST(OutOfMemoryInReports, TextIsMadeOrNull) {
  const SmallModel small = small_models().front();
  onward_model* model = nullptr;
  onward_session* session = nullptr;
  ASSERT_EQ(code_of(api().model_load_bytes(small.bytes.data(), small.bytes.size(), nullptr, &model)),
            ONWARD_OK);
  onward_session_options options{};
  options.size = sizeof options;
  options.profile = 1;
  ASSERT_EQ(code_of(api().session_create(model, &options, &session)), ONWARD_OK);
  expect_survives("session_profile_json",
                  [&] { return api().session_profile_json(session) ? ONWARD_OK : ONWARD_OUT_OF_MEMORY; });
  EXPECT_TRUE(api().session_placement_json(session));
  api().session_free(session);
  api().model_free(model);
}

// 16 MB of weights, of which the packed form is as large: alignment to a large page is little beside them.
// They do not lie in the file as floats must in memory.
TEST(Memory, APackedWeightIsNotKeptTwice) {
  using namespace test;
  constexpr int64_t kSide = 2048, kBytes = kSide * kSide * 4;
  std::string file;
  for (const char* producer : {"", "1", "12", "123"}) {  // one of them puts the data off its alignment
    auto m =
        model(graph({value("x", onnx::Tensor::FLOAT, {"1", "2048"})},
                    {value("y", onnx::Tensor::FLOAT, {"1", "2048"})}, {node("MatMul", {"x", "w"}, {"y"})},
                    {floats("w", {kSide, kSide}, std::vector<float>(kSide * kSide, 0.5f))}));
    m.producer_name = keep(producer);
    file = bytes(m);
    const int64_t before = live_bytes();
    onward_model* loaded = nullptr;
    onward_session* session = nullptr;
    ASSERT_EQ(code_of(api().model_load_bytes(file.data(), file.size(), nullptr, &loaded)), ONWARD_OK);
    ASSERT_EQ(code_of(api().session_create(loaded, nullptr, &session)), ONWARD_OK);
    EXPECT_LT(live_bytes() - before, kBytes + kBytes / 2 + static_cast<int64_t>(file.size()));
    EXPECT_LT(peak_bytes(), before + 2 * kBytes + kBytes / 2 + static_cast<int64_t>(file.size()));
    api().session_free(session);
    api().model_free(loaded);
  }
}

TEST(OutOfMemoryInFiles, LoadingAPathLeavesNothingOpen) {
  const SmallModel small = small_models().front();
  const std::string path = std::string(data_folder()) + "/model.onnx";
  const std::string_view bytes = small.bytes;
  ASSERT_TRUE(write_file(path, std::span(&bytes, 1)).ok());
  const auto open_files = [] {
    size_t n = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++n;
    return n;
  };
  const size_t before = open_files();
  const auto load = [&] {
    onward_model* model = nullptr;
    onward_status* status = api().model_load(path.c_str(), nullptr, &model);
    api().model_free(model);
    return code_of(status);
  };
  ASSERT_EQ(load(), ONWARD_OK);
  for (int64_t n = 1; n < 60; ++n) {
    fail_allocation(n, true);
    const onward_code code = load();
    EXPECT_TRUE(disarm());
    EXPECT_EQ(code, ONWARD_OUT_OF_MEMORY) << n;
  }
  EXPECT_EQ(open_files(), before);
}

}  // namespace
}  // namespace ow::faults
