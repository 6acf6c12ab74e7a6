"""One half of interop_test.go: the real Python hnswlib on the other side.

write SPACE DIM PATH    index of the vectors on standard input, with replaced
                        and deleted labels; saved to PATH
read SPACE DIM K PATH [EF]
                        loads PATH and answers the queries on standard input
flat SPACE DIM IN OUT   loads a brute-force index from IN, answers the 5 nearest
                        to each query on standard input, and saves to OUT

Vectors come as raw float32. Both print one JSON object.
"""
import json
import sys

import hnswlib
import numpy as np

command, space, dim = sys.argv[1], sys.argv[2], int(sys.argv[3])
rows = np.frombuffer(sys.stdin.buffer.read(), dtype=np.float32).reshape(-1, dim)

if command == "flat":
    flat = hnswlib.BFIndex(space=space, dim=dim)
    flat.load_index(sys.argv[4], 0)
    if space == "cosine":  # its queries are not normalised by themselves
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    labels, distances = flat.knn_query(rows, k=5)
    flat.save_index(sys.argv[5])
    print(json.dumps({"labels": labels.tolist(), "distances": distances.tolist()}))
    sys.exit()

index = hnswlib.Index(space=space, dim=dim)

if command == "write":
    half = len(rows) // 2
    index.init_index(max_elements=2 * half, M=8, ef_construction=60, random_seed=5)
    index.add_items(rows[:half], np.arange(half) + 10)
    index.add_items(rows[half:half + 20], np.arange(20) + 10)
    for label in range(15, 40):
        index.mark_deleted(label)
    index.save_index(sys.argv[4])
else:
    index.load_index(sys.argv[5])

queries = rows[:50]
k = 10 if command == "write" else int(sys.argv[4])
index.set_ef(int(sys.argv[6]) if len(sys.argv) > 6 else 2000)
labels, distances = index.knn_query(queries, k=k)
print(json.dumps({
    "labels": labels.tolist(),
    "distances": distances.tolist(),
    "ids": sorted(int(i) for i in index.get_ids_list()),
    "count": index.element_count,
    "capacity": index.max_elements,
    "m": index.M,
    "ef_construction": index.ef_construction,
}))
