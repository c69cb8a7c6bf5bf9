// A minimal signaling server on Socket.IO: rooms with a list of who is there,
// and messages relayed from one member to another.
const http = require('node:http').createServer()
const { Server } = require('socket.io')
const io = new Server(http, { transports: ['websocket'], serveClient: false })

io.on('connection', (socket) => {
  socket.on('join', async (room, state) => {
    socket.data.state = state
    const others = await io.in(room).fetchSockets()
    socket.join(room)
    socket.emit('welcome', others.map((o) => [o.id, o.data.state]))
    socket.to(room).emit('peer', socket.id, state)
    socket.on('disconnect', () => io.to(room).emit('gone', socket.id))
  })
  socket.on('sig', (to, body) => io.to(to).emit('sig', socket.id, body))
})

http.listen(0, '127.0.0.1', () => {
  console.log(`127.0.0.1:${http.address().port}`)
})
