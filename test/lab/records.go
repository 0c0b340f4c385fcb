package lab

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// CallRecord is one of Asterisk's call records (CDR).
type CallRecord struct {
	Source, Destination, Context string
	Channel, DestinationChannel  string
	LastApp                      string
	Disposition                  string // ANSWERED, NO ANSWER, BUSY, FAILED
}

// CallRecords returns the call records written so far, in order. Asterisk
// writes one within moments of a call's end.
func (a *Asterisk) CallRecords() ([]CallRecord, error) {
	f, err := os.Open(a.folder.path("log", "cdr-csv", "Master.csv"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("lab: call records: %w", err)
	}
	var records []CallRecord
	for _, r := range rows {
		if len(r) < 15 {
			return nil, fmt.Errorf("lab: call record with %d fields: %q", len(r), r)
		}
		records = append(records, CallRecord{
			Source: r[1], Destination: r[2], Context: r[3],
			Channel: r[5], DestinationChannel: r[6], LastApp: r[7], Disposition: r[14],
		})
	}
	return records, nil
}
