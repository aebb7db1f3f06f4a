/* onward.h: the C interface of the onward library. C++ users start at onward.hpp, which wraps it.
 *
 * One exported function returns a table of functions. The table only grows at its end: a program built
 * against an older header works with a newer library, and `size` tells a newer program what an older library
 * lacks.
 *
 *   const onward_api* ow = onward_get_api(ONWARD_ABI_VERSION);
 *   onward_model* model = NULL;
 *   onward_status* status = ow->model_load("resnet50.onnx", NULL, &model);
 *   if (status) { fprintf(stderr, "%s\n", ow->status_message(status)); ow->status_free(status); }
 *
 * Rules that hold everywhere:
 *  - A null onward_status* is success. Any other must be freed with status_free.
 *  - `..._free(NULL)` is legal. Objects may be freed in any order: a session keeps its model alive.
 *  - Models and sessions may be used by several threads at once. A value may be read by several threads.
 *  - Strings are UTF-8. Borrowed pointers live as long as the object that they came from.
 *  - Structs that the caller fills begin with `size = sizeof(the struct)`; zero in any other field means
 * default.
 */
#ifndef ONWARD_ONWARD_H_
#define ONWARD_ONWARD_H_
#include <stddef.h>
#include <stdint.h>

#define ONWARD_ABI_VERSION 1

#if defined(_WIN32)
#define ONWARD_EXPORT __declspec(dllexport)
#else
#define ONWARD_EXPORT __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum onward_code {
  ONWARD_OK = 0,
  ONWARD_INVALID_MODEL = 1,    /* the file breaks the ONNX format or its rules */
  ONWARD_INVALID_ARGUMENT = 2, /* an input, option or shape of the caller's is wrong */
  ONWARD_UNSUPPORTED = 3,      /* valid, but this build cannot do it */
  ONWARD_OUT_OF_MEMORY = 4,
  ONWARD_LIMIT_EXCEEDED = 5, /* a limit on memory, work or depth would be exceeded */
  ONWARD_DEADLINE_EXCEEDED = 6,
  ONWARD_CANCELLED = 7,
  ONWARD_IO = 8,
  ONWARD_INTERNAL = 9
} onward_code;

/* Element types, with the codes of ONNX's TensorProto.DataType. 2- and 4-bit types are packed, first element
 * in the low bits. */
typedef enum onward_dtype {
  ONWARD_UNDEFINED = 0,
  ONWARD_FLOAT32 = 1,
  ONWARD_UINT8 = 2,
  ONWARD_INT8 = 3,
  ONWARD_UINT16 = 4,
  ONWARD_INT16 = 5,
  ONWARD_INT32 = 6,
  ONWARD_INT64 = 7,
  ONWARD_STRING = 8,
  ONWARD_BOOL = 9,
  ONWARD_FLOAT16 = 10,
  ONWARD_FLOAT64 = 11,
  ONWARD_UINT32 = 12,
  ONWARD_UINT64 = 13,
  ONWARD_COMPLEX64 = 14,
  ONWARD_COMPLEX128 = 15,
  ONWARD_BFLOAT16 = 16,
  ONWARD_FLOAT8E4M3FN = 17,
  ONWARD_FLOAT8E4M3FNUZ = 18,
  ONWARD_FLOAT8E5M2 = 19,
  ONWARD_FLOAT8E5M2FNUZ = 20,
  ONWARD_UINT4 = 21,
  ONWARD_INT4 = 22,
  ONWARD_FLOAT4E2M1 = 23,
  ONWARD_FLOAT8E8M0 = 24,
  ONWARD_UINT2 = 25,
  ONWARD_INT2 = 26
} onward_dtype;

typedef enum onward_kind {
  ONWARD_NOTHING = 0, /* an empty optional */
  ONWARD_TENSOR = 1,
  ONWARD_SEQUENCE = 2,
  ONWARD_MAP = 3,
  ONWARD_SPARSE_TENSOR = 4
} onward_kind;

typedef enum onward_optimization {
  ONWARD_OPTIMIZE_FULL = 0,
  ONWARD_OPTIMIZE_OFF = 1,  /* only what is needed to run */
  ONWARD_OPTIMIZE_BASIC = 2 /* rewrites that leave every result bit for bit the same */
} onward_optimization;

typedef struct onward_status onward_status;
typedef struct onward_model onward_model;
typedef struct onward_session onward_session;
typedef struct onward_value onward_value;
typedef struct onward_cancel onward_cancel;

/* An input or output of a model. */
typedef struct onward_value_info {
  size_t size;
  const char* name;
  const char* type_text; /* "float[N,3,224,224]", "seq(int64[?])" */
  onward_kind kind;
  onward_dtype dtype; /* of a tensor */
  int32_t has_rank;   /* 0: the rank is unknown, and rank and dims mean nothing */
  size_t rank;
  const int64_t* dims;          /* -1 where a dimension is not fixed */
  const char* const* dim_names; /* its symbol or expression ("N", "2*N+1"), "" where fixed */
  int32_t is_optional;          /* an input with a default (an initializer of the same name) */
} onward_value_info;

typedef struct onward_model_options {
  size_t size;
  const char* external_data_folder; /* model_load_bytes: where external data may be read; NULL: nowhere */
} onward_model_options;

typedef struct onward_session_options {
  size_t size;
  int32_t threads; /* 0: as many as this process may use */
  onward_optimization optimization;
  int64_t memory_limit_bytes;   /* of one run, weights not counted; 0: none */
  const char* const* providers; /* in order of preference; the CPU is always last */
  size_t provider_count;
  int32_t strict_providers; /* 1: what the first provider cannot run is an error, not run elsewhere */
  const char* profile_path; /* a Chrome trace is written there when the session is freed */
  int32_t profile;          /* 1: keep per-node times, for session_profile_json */
} onward_session_options;

typedef struct onward_run_options {
  size_t size;
  int64_t timeout_us;         /* 0: none */
  onward_cancel* cancel;      /* may be triggered from another thread */
  int64_t memory_limit_bytes; /* 0: the session's */
} onward_run_options;

typedef void (*onward_log_fn)(void* user, int32_t level, const char* message);
typedef void (*onward_release_fn)(void* user);

typedef struct onward_api {
  size_t size; /* bytes of this table as the library has it */
  uint32_t version;

  onward_code (*status_code)(const onward_status*);
  const char* (*status_message)(const onward_status*);
  void (*status_free)(onward_status*);
  const char* (*library_version)(void); /* "0.1.0" */
  void (*set_log_level)(int32_t level); /* 0 verbose, 1 info, 2 warning (default), 3 error, 4 off */
  void (*set_log_sink)(onward_log_fn, void* user);

  onward_status* (*model_load)(const char* path, const onward_model_options*, onward_model**);
  /* The bytes are copied where they are needed; they may be freed afterwards. */
  onward_status* (*model_load_bytes)(const void* data, size_t bytes, const onward_model_options*,
                                     onward_model**);
  void (*model_free)(onward_model*);
  size_t (*model_input_count)(const onward_model*);
  size_t (*model_output_count)(const onward_model*);
  onward_status* (*model_input)(const onward_model*, size_t i, onward_value_info*);
  onward_status* (*model_output)(const onward_model*, size_t i, onward_value_info*);
  /* The model's own fields ("producer_name", "graph_name", "domain", ...) and metadata_props; NULL if absent.
   */
  const char* (*model_field)(const onward_model*, const char* name);
  size_t (*model_metadata_count)(const onward_model*);
  const char* (*model_metadata_key)(const onward_model*, size_t i);
  const char* (*model_metadata_value)(const onward_model*, size_t i);

  onward_status* (*session_create)(onward_model*, const onward_session_options*, onward_session**);
  void (*session_free)(onward_session*);
  /* Runs once. Inputs by name, in any order. `outputs[i]` receives the output `output_names[i]`; with
   * output_count 0 and output_names NULL, all outputs in the model's order are written to `outputs`. */
  onward_status* (*session_run)(onward_session*, const onward_run_options*, const char* const* input_names,
                                const onward_value* const* inputs, size_t input_count,
                                const char* const* output_names, size_t output_count, onward_value** outputs);
  /* JSON: who runs each node and why another provider does not; borrowed. NULL: out of memory. */
  const char* (*session_placement_json)(onward_session*);
  /* JSON array of {name, op, calls, total_us} since creation, needs `profile`; borrowed until the next call.
   * NULL: out of memory. */
  const char* (*session_profile_json)(onward_session*);
  void (*session_trim)(onward_session*); /* gives memory kept for the next run back */

  onward_kind (*value_kind)(const onward_value*);
  void (*value_free)(onward_value*);
  /* Uninitialised memory (strings: empty). */
  onward_status* (*tensor_create)(onward_dtype, const int64_t* dims, size_t rank, onward_value**);
  /* Borrows `data` (row-major, of `bytes` bytes); `release(user)`, if any, is called when it is not needed,
   * and not after an error. */
  onward_status* (*tensor_wrap)(onward_dtype, const int64_t* dims, size_t rank, void* data, size_t bytes,
                                onward_release_fn release, void* user, onward_value**);
  onward_dtype (*tensor_dtype)(const onward_value*);
  size_t (*tensor_rank)(const onward_value*);
  const int64_t* (*tensor_dims)(const onward_value*);
  size_t (*tensor_bytes)(const onward_value*); /* 0 for strings */
  void* (*tensor_data)(onward_value*);         /* NULL for strings */
  const char* (*tensor_string)(const onward_value*, size_t i, size_t* bytes);
  onward_status* (*tensor_set_string)(onward_value*, size_t i, const char* text, size_t bytes);
  size_t (*sequence_count)(const onward_value*);
  onward_status* (*sequence_at)(const onward_value*, size_t i, onward_value**); /* a new handle */
  onward_status* (*sequence_create)(const onward_value* const* items, size_t count, onward_value**);
  size_t (*map_count)(const onward_value*);
  /* Key `i` in ascending order: text in *key (and *bytes) for string keys, else NULL and the number in
   * *number. */
  onward_status* (*map_at)(const onward_value*, size_t i, const char** key, size_t* bytes, int64_t* number,
                           onward_value** item);

  onward_cancel* (*cancel_create)(void); /* NULL: out of memory */
  void (*cancel_trigger)(onward_cancel*);
  void (*cancel_reset)(onward_cancel*);
  void (*cancel_free)(onward_cancel*);
} onward_api;

/* The table, or NULL when the library is older than `version`. */
ONWARD_EXPORT const onward_api* onward_get_api(uint32_t version);

#ifdef __cplusplus
}
#endif
#endif /* ONWARD_ONWARD_H_ */
