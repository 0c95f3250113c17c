package commands

func dbsize(c *Ctx) error {
	n, err := c.Tx.Len()
	if err == nil {
		c.Reply.Int(int64(n))
	}
	return err
}

func flushdb(c *Ctx) error  { return c.flush(c.Tx.DB) }
func flushall(c *Ctx) error { return c.flush(-1) }

func (c *Ctx) flush(db int) error {
	async := false
	if len(c.Argv) > 1 {
		a := c.Args(1)
		if async = a.Is("ASYNC"); !async && !a.Is("SYNC") {
			return ErrSyntax
		}
		if err := a.End(); err != nil {
			return err
		}
	}
	c.Tx.Flush(db, async)
	c.Propagate(c.Spec.Name) // even of an empty database, as others may differ
	c.Reply.OK()
	return nil
}

func swapdb(c *Ctx) error {
	a, err := parseInt32(c.Argv[1])
	if err != nil {
		return ErrInvalidFirst
	}
	b, err := parseInt32(c.Argv[2])
	if err != nil {
		return ErrInvalidSecond
	}
	if n := c.Tx.Engine().Databases(); a < 0 || b < 0 || a >= n || b >= n {
		return ErrDBIndex
	}
	if a != b {
		c.Tx.SwapDB(a, b)
	}
	c.Reply.OK()
	return nil
}

// Data returns the rows of all commands that work on keys.
func Data() []Spec {
	var rows []Spec
	for _, group := range [][]Spec{stringCommands, genericCommands, metaCommands, cacheCommands, blessCommands, nativeCommands, keyspaceCommands, listCommands,
		setCommands, zsetCommands, hashCommands, streamCommands, streamGroupCommands, bitmapCommands, hyperloglogCommands, geoCommands,
		sortCommands, limitCommands, {increxRow}, lockCommands} {
		rows = append(rows, group...)
	}
	return rows
}
