// Package where says which documents a query may find, by their metadata.
//
//	q := &minnow.Query{Where: where.And(
//		where.Eq("lang", "en"),
//		where.Ge("year", 2020),
//		where.Not(where.In("tags", "draft", "secret")))}
//
// # Fields
//
// A field is named by the keys that lead to it, joined by dots: "author.name"
// is the name in {"author": {"name": "Ada"}}. A dot or a backslash that belongs
// to a key is written \. or \\; [Field] does that.
//
// Arrays are looked into: a field whose value is an array has each of its
// elements as a value, and a condition holds if it holds for one of them. So
// Eq("tags", "fish") finds {"tags": ["water", "fish"]}, and "items.price" is
// the price of any item.
//
// # Types
//
// A condition holds only for values of its own type: number, string, bool or
// null. Eq("year", "2020") doesn't find the number 2020. Numbers are compared
// by value, so that 1, 1.0 and 1e0 are equal; whole numbers of 64 bits exactly,
// others as float64. Strings are compared byte by byte, in UTF-8: case counts,
// and Lt and Gt follow the order of code points. Bools and null have no order.
//
// A document that lacks the field fulfils no condition on it, and so all
// negations: Ne(f, v) is Not(Eq(f, v)).
//
// # JSON
//
// [Parse] and [Filter.MarshalJSON] read and write a filter as JSON, for command
// lines and servers:
//
//	{"and": [{"eq": {"lang": "en"}}, {"ge": {"year": 2020}}, {"not": {"in": {"tags": ["draft", "secret"]}}}]}
//
// The operators are eq, ne, lt, le, gt, ge, in, prefix with one field and its
// value; exists with a field's name; and, or with a list of filters; not with
// one.
package where
