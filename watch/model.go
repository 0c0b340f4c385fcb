package watch

import (
	"context"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"supervisiond/watch/feed"
	"supervisiond/watch/screen"
)

// model makes a Bubble Tea program of a screen: it passes messages on and does what the screen says is to be done.
type model struct {
	ctx    context.Context
	screen *screen.Screen
	feed   *feed.Feed
	// running are the commands that have no answer yet; send gives the program a message from elsewhere.
	running *sync.WaitGroup
	send    func(tea.Msg)
}

func (m *model) Init() tea.Cmd { return tick() }

// tick comes at each full second of the clock.
func tick() tea.Cmd {
	return tea.Every(time.Second, func(at time.Time) tea.Msg { return screen.Tick{At: at} })
}

func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		return m.take(screen.Resize{Width: msg.Width, Height: msg.Height})
	case tea.KeyPressMsg:
		return m.take(screen.Key{Name: msg.String(), Text: msg.Text})
	case tea.PasteMsg:
		return m.take(screen.Paste{Text: msg.Content})
	case screen.Tick:
		m.screen.Update(msg)
		return m, tick()
	case screen.Msg:
		return m.take(msg)
	}
	return m, nil
}

func (m *model) take(msg screen.Msg) (tea.Model, tea.Cmd) {
	switch e := m.screen.Update(msg); {
	case e.Quit:
		return m, tea.Quit
	case e.Do != nil:
		m.running.Go(func() { m.send(m.feed.Do(m.ctx, *e.Do)) })
	}
	return m, nil
}

func (m *model) View() tea.View {
	v := tea.NewView(m.screen.View())
	v.AltScreen = true
	return v
}
