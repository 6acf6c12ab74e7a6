package hnswlib_test

import (
	"fmt"
	"log"
	"math"

	"github.com/minnow-search/minnow/hnswlib"
)

// These are the claims of docs/spaces.md, in its order.

// nearest adds points of two numbers under labels 0, 1, ... and returns all of
// them from the nearest to the farthest.
func nearest(space hnswlib.Space, points []float32, query ...float32) []hnswlib.Neighbor {
	ix, err := hnswlib.New(space, 2, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer ix.Close()
	labels := make([]uint64, len(points)/2)
	for i := range labels {
		labels[i] = uint64(i)
	}
	if err := ix.Add(points, labels); err != nil {
		log.Fatal(err)
	}
	rows, err := ix.KNNQuery(query, len(labels), nil)
	if err != nil {
		log.Fatal(err)
	}
	return rows[0]
}

// L2 is squared: for the length of the line between two points, take the root.
func ExampleSpace_l2() {
	n := nearest(hnswlib.L2, []float32{3, 4}, 0, 0)[0]
	fmt.Println(n.Distance, math.Sqrt(float64(n.Distance)))
	// Output: 25 5
}

// InnerProduct has no least value, and a longer vector can be nearer to a point
// than the point itself.
func ExampleSpace_innerProduct() {
	points := []float32{1, 0, 10, 0} // 0: the query itself, 1: ten times as long
	for _, n := range nearest(hnswlib.InnerProduct, points, 1, 0) {
		fmt.Println(n.Label, n.Distance)
	}
	// Output:
	// 1 -9
	// 0 0
}

// Cosine sees directions only: the same is 0, a right angle 1, the opposite 2.
func ExampleSpace_cosine() {
	points := []float32{5, 0, 0, 0.1, -3, 0}
	for _, n := range nearest(hnswlib.Cosine, points, 2, 0) {
		fmt.Println(n.Label, n.Distance)
	}
	// Output:
	// 0 0
	// 1 1
	// 2 2
}

// A cosine index keeps unit vectors: lengths are gone, also from its file.
func ExampleSpace_stored() {
	ix, err := hnswlib.New(hnswlib.Cosine, 2, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer ix.Close()
	if err := ix.Add([]float32{3, 4}, []uint64{1}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(ix.Items([]uint64{1}))
	// Output: [[0.6 0.8]] <nil>
}

// On unit vectors all three order alike: ip gives cosine's number, and l2 twice
// that number.
func ExampleSpace_unitVectors() {
	var circle []float32
	for _, degrees := range []float64{150, 20, 90, 60} {
		radians := degrees * math.Pi / 180
		circle = append(circle, float32(math.Cos(radians)), float32(math.Sin(radians)))
	}
	for _, space := range []hnswlib.Space{hnswlib.L2, hnswlib.InnerProduct, hnswlib.Cosine} {
		fmt.Printf("%-6v", space)
		for _, n := range nearest(space, circle, 1, 0) {
			fmt.Printf("  %d at %.3f", n.Label, n.Distance)
		}
		fmt.Println()
	}
	// Output:
	// l2      1 at 0.121  3 at 1.000  2 at 2.000  0 at 3.732
	// ip      1 at 0.060  3 at 0.500  2 at 1.000  0 at 1.866
	// cosine  1 at 0.060  3 at 0.500  2 at 1.000  0 at 1.866
}

// On vectors of other lengths each space has a favourite of its own.
func ExampleSpace_lengths() {
	const a, b, c = 0, 1, 2
	points := []float32{
		a * 2: 1, 0.5, // beside the query
		b * 2: 3, 2, // far along
		c * 2: 0.25, 0, // straight ahead, and short
	}
	for _, space := range []hnswlib.Space{hnswlib.L2, hnswlib.InnerProduct, hnswlib.Cosine} {
		fmt.Printf("%v: %c\n", space, 'A'+rune(nearest(space, points, 1, 0)[0].Label))
	}
	// Output:
	// l2: A
	// ip: B
	// cosine: C
}
