package store

import (
	"database/sql"
	"fmt"
	"strconv"
	"strings"
)

// column reads a query of one column: column[T](conn.QueryContext(...)).
func column[T any](rows *sql.Rows, err error) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var values []T
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, rows.Err()
}

// labelList lays labels out as a JSON array, for json_each. One parameter then
// takes any number of them.
func labelList(labels []uint64) string {
	list := []byte{'['}
	for i, label := range labels {
		if i > 0 {
			list = append(list, ',')
		}
		list = strconv.AppendInt(list, toInt(label), 10)
	}
	return string(append(list, ']'))
}

// scanLabels reads a row that group_concat made of labels. It is null if there
// are none.
func scanLabels(r row) ([]uint64, error) {
	var list sql.NullString
	if err := r.Scan(&list); err != nil || !list.Valid {
		return nil, err
	}
	labels := make([]uint64, 0, strings.Count(list.String, ",")+1)
	for text := range strings.SplitSeq(list.String, ",") {
		label, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			return nil, fmt.Errorf("%w: label %q", ErrDamaged, text)
		}
		labels = append(labels, label)
	}
	return labels, nil
}
