package bus

// ring is a first-in first-out queue that grows as needed and reuses its room.
type ring[T any] struct {
	items []T // the length is a power of two
	head  int
	n     int
}

func (r *ring[T]) len() int { return r.n }

// at returns the i-th item from the head.
func (r *ring[T]) at(i int) *T { return &r.items[(r.head+i)&(len(r.items)-1)] }

func (r *ring[T]) push(item T) {
	r.grow()
	r.n++
	*r.at(r.n - 1) = item
}

// pushFront puts an item back at the head.
func (r *ring[T]) pushFront(item T) {
	r.grow()
	r.head = (r.head - 1) & (len(r.items) - 1)
	r.n++
	*r.at(0) = item
}

func (r *ring[T]) pop() T {
	var none T
	head := r.at(0)
	item := *head
	*head = none // what was queued must not be held any longer
	r.head = (r.head + 1) & (len(r.items) - 1)
	r.n--
	return item
}

func (r *ring[T]) clear() {
	for r.n > 0 {
		r.pop()
	}
}

func (r *ring[T]) grow() {
	if r.n < len(r.items) {
		return
	}
	bigger := make([]T, max(16, 2*len(r.items)))
	for i := range r.n {
		bigger[i] = *r.at(i)
	}
	r.items, r.head = bigger, 0
}
