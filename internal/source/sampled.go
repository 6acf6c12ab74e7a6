package source

import (
	"errors"
	"io"
)

// sampled gives its first records twice: to whoever chooses, and to whoever
// reads.
type sampled struct {
	from  records
	first []read
}

type read struct {
	record
	err error
}

const sampleSize = 100

func (s *sampled) peek() ([]record, error) {
	var sample []record
	for len(s.first) < sampleSize {
		rec, err := s.from.next()
		s.first = append(s.first, read{rec, err})
		if _, bad := errors.AsType[*BadRow](err); bad {
			continue
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		sample = append(sample, rec)
	}
	return sample, nil
}

func (s *sampled) next() (record, error) {
	if len(s.first) > 0 {
		r := s.first[0]
		s.first = s.first[1:]
		return r.record, r.err
	}
	return s.from.next()
}
