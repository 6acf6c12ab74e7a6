package minnow

import (
	"reflect"
	"unicode/utf8"
)

// invalidString finds a string in v that is not valid UTF-8, however deep. It
// needs v to be free of cycles.
func invalidString(v any) (string, bool) { return invalidIn(reflect.ValueOf(v)) }

func invalidIn(v reflect.Value) (string, bool) {
	switch v.Kind() {
	case reflect.String:
		return v.String(), !utf8.ValidString(v.String())
	case reflect.Interface, reflect.Pointer:
		if !v.IsNil() {
			return invalidIn(v.Elem())
		}
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			if s, found := invalidIn(entries.Key()); found {
				return s, true
			}
			if s, found := invalidIn(entries.Value()); found {
				return s, true
			}
		}
	case reflect.Array, reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			break // base64, or json.RawMessage, which the store looks at
		}
		for i := range v.Len() {
			if s, found := invalidIn(v.Index(i)); found {
				return s, true
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				continue
			}
			if s, found := invalidIn(v.Field(i)); found {
				return s, true
			}
		}
	}
	return "", false
}
