#include "kernels/vendor/cuda/cudnn_descriptor.h"

#include <algorithm>
#include <array>

namespace dcgan::cuda {
namespace {

thread_local std::string latest_refusal;

}  // namespace

void note_refusal(std::string why) { latest_refusal = std::move(why); }
const std::string& last_refusal() { return latest_refusal; }

void fail_cudnn(cudnnStatus_t status, const char* call, const char* file, int line) {
  std::array<char, 1024> words{};
  cudnnGetLastErrorString(words.data(), words.size());
  // 1xxx: not initialised or libraries that do not fit; 3xxx: not supported; else a misuse of ours.
  const bool unavailable = status < 2000 || (status >= 3000 && status < 4000);
  fail(unavailable ? ErrorKind::unavailable : ErrorKind::internal,
       "cuDNN {}: {} ({}) from {} at {}:{}", cudnnGetVersion(), cudnnGetErrorString(status),
       words.data(), call, file, line);
}

Descriptor::Descriptor(cudnnBackendDescriptorType_t type) {
  cudnnBackendDescriptor_t made = nullptr;
  CUDNN_TRY(cudnnBackendCreateDescriptor(type, &made));
  owner_.reset(made);
}

void Descriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                     std::int64_t count, const void* values) {
  CUDNN_TRY(cudnnBackendSetAttribute(get(), name, type, count, values));
}

void Descriptor::set(cudnnBackendAttributeName_t name, std::int64_t value) {
  set(name, CUDNN_TYPE_INT64, 1, &value);
}
void Descriptor::set(cudnnBackendAttributeName_t name, const std::vector<std::int64_t>& values) {
  set(name, CUDNN_TYPE_INT64, static_cast<std::int64_t>(values.size()), values.data());
}
void Descriptor::set(cudnnBackendAttributeName_t name, float value) {
  set(name, CUDNN_TYPE_FLOAT, 1, &value);
}
void Descriptor::set(cudnnBackendAttributeName_t name, bool value) {
  set(name, CUDNN_TYPE_BOOLEAN, 1, &value);
}
void Descriptor::set(cudnnBackendAttributeName_t name, const Descriptor& value) {
  const cudnnBackendDescriptor_t held = value.get();
  set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &held);
}
void Descriptor::set(cudnnBackendAttributeName_t name, const std::vector<Descriptor>& values) {
  std::vector<cudnnBackendDescriptor_t> held;
  for (const Descriptor& value : values) held.push_back(value.get());
  set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<std::int64_t>(held.size()), held.data());
}
void Descriptor::set(cudnnBackendAttributeName_t name, cudnnHandle_t handle) {
  set(name, CUDNN_TYPE_HANDLE, 1, &handle);
}
void Descriptor::set(cudnnBackendAttributeName_t name, const std::string& text) {
  set(name, CUDNN_TYPE_CHAR, static_cast<std::int64_t>(text.size()), text.data());
}
void Descriptor::set(cudnnBackendAttributeName_t name, cudnnDataType_t value) {
  set(name, CUDNN_TYPE_DATA_TYPE, 1, &value);
}
void Descriptor::set(cudnnBackendAttributeName_t name, cudnnConvolutionMode_t value) {
  set(name, CUDNN_TYPE_CONVOLUTION_MODE, 1, &value);
}
void Descriptor::set(cudnnBackendAttributeName_t name, cudnnBackendHeurMode_t value) {
  set(name, CUDNN_TYPE_HEUR_MODE, 1, &value);
}
void Descriptor::set(cudnnBackendAttributeName_t name, cudnnPointwiseMode_t value) {
  set(name, CUDNN_TYPE_POINTWISE_MODE, 1, &value);
}
void Descriptor::set(cudnnBackendAttributeName_t name, cudnnNanPropagation_t value) {
  set(name, CUDNN_TYPE_NAN_PROPOGATION, 1, &value);
}
void Descriptor::set(cudnnBackendAttributeName_t name, const std::vector<void*>& pointers) {
  set(name, CUDNN_TYPE_VOID_PTR, static_cast<std::int64_t>(pointers.size()), pointers.data());
}

void Descriptor::finalize() { CUDNN_TRY(cudnnBackendFinalize(get())); }

bool Descriptor::try_finalize() {
  const cudnnStatus_t status = cudnnBackendFinalize(get());
  if (status == CUDNN_STATUS_SUCCESS) return true;
  std::array<char, 1024> words{};
  cudnnGetLastErrorString(words.data(), words.size());
  note_refusal(fmt::format("{} ({})", cudnnGetErrorString(status), words.data()));
  return false;
}

std::int64_t Descriptor::get_int64(cudnnBackendAttributeName_t name) const {
  std::int64_t value = 0;
  std::int64_t count = 0;
  CUDNN_TRY(cudnnBackendGetAttribute(get(), name, CUDNN_TYPE_INT64, 1, &count, &value));
  return value;
}

std::string Descriptor::get_text(cudnnBackendAttributeName_t name) const {
  std::int64_t count = 0;
  CUDNN_TRY(cudnnBackendGetAttribute(get(), name, CUDNN_TYPE_CHAR, 0, &count, nullptr));
  std::string text(static_cast<std::size_t>(count), '\0');
  CUDNN_TRY(cudnnBackendGetAttribute(get(), name, CUDNN_TYPE_CHAR, count, &count, text.data()));
  text.resize(std::char_traits<char>::length(text.c_str()));  // the count may include the final 0
  return text;
}

std::vector<cudnnBackendNumericalNote_t> Descriptor::get_notes() const {
  std::vector<cudnnBackendNumericalNote_t> notes(CUDNN_NUMERICAL_NOTE_TYPE_COUNT);
  std::int64_t count = 0;
  CUDNN_TRY(cudnnBackendGetAttribute(get(), CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                                     CUDNN_TYPE_NUMERICAL_NOTE, CUDNN_NUMERICAL_NOTE_TYPE_COUNT,
                                     &count, notes.data()));
  notes.resize(static_cast<std::size_t>(count));
  return notes;
}

std::vector<Descriptor> Descriptor::get_descriptors(cudnnBackendAttributeName_t name,
                                                    cudnnBackendDescriptorType_t type,
                                                    std::int64_t most) const {
  std::vector<Descriptor> made;
  std::vector<cudnnBackendDescriptor_t> places;
  for (std::int64_t i = 0; i < most; ++i) {
    made.emplace_back(type);
    places.push_back(made.back().get());
  }
  std::int64_t count = 0;
  CUDNN_TRY(cudnnBackendGetAttribute(get(), name, CUDNN_TYPE_BACKEND_DESCRIPTOR, most, &count,
                                     places.data()));
  made.erase(made.begin() + std::min(count, most), made.end());
  return made;
}

}  // namespace dcgan::cuda
