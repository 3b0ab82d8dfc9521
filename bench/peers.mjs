export const peerRows = () => []
