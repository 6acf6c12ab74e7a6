package onnx

import "fmt"

// setPooling checks m.pooling against what the network gives; chosen is what the caller asked for.
func (m *Model) setPooling(chosen Pooling) error {
	n := m.shared.network
	if n.tokens == nil { // the exporter put all steps into the graph
		if chosen != "" {
			return fmt.Errorf("the network %s pools by itself; it cannot pool as %q", n.path, chosen)
		}
		m.pooled, m.layers = pooled{parts: []Pooling{Pooler}, hidden: n.pooled.width()}, nil
		return nil
	}
	parts, err := m.pooling.parts()
	if err != nil {
		return err
	}
	m.pooled = pooled{parts: parts, hidden: m.shared.folder.hidden}
	for _, part := range parts {
		if part == Pooler && (n.pooled == nil || n.pooled.width() != m.pooled.hidden) {
			return fmt.Errorf("the network %s has no pooler output; choose another pooling", n.path)
		}
	}
	if dim := m.pooled.dim(); len(m.layers) > 0 && m.layers[0].in != dim {
		return fmt.Errorf("pooling %q gives %d numbers, and the model's Dense step takes %d", m.pooling, dim, m.layers[0].in)
	}
	for i := 1; i < len(m.layers); i++ {
		if m.layers[i-1].out != m.layers[i].in {
			return fmt.Errorf("the model's Dense step %d gives %d numbers, and the next takes %d; fetch the model anew", i, m.layers[i-1].out, m.layers[i].in)
		}
	}
	return nil
}

func (m *Model) fullDim() int {
	if n := len(m.layers); n > 0 {
		return m.layers[n-1].out
	}
	return m.pooled.dim()
}

func (m *Model) setPrompts(o *Options) error {
	own := m.shared.folder.prompts
	m.prompts = Prompts{Text: own.plain, Query: own.first(queryNames), Document: own.first(documentNames)}
	if o.PromptName != "" {
		text, err := own.get(o.PromptName)
		if err != nil {
			return err
		}
		m.prompts.Text = text
	}
	if o.Prompts != nil {
		m.prompts = *o.Prompts
	}
	if m.shared.folder.modules.promptCounts {
		return nil
	}
	for kind := range m.skip {
		if p := m.prompts.of(promptKind(kind)); p != "" {
			n, err := m.shared.tokenizer.CountTokens(p)
			if err != nil {
				return err
			}
			m.skip[kind] = n - m.shared.tokenizer.Closing()
		}
	}
	return nil
}
