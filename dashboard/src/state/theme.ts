// Light, dark, or as the system says. The choice is the browser's, not the session's.

import { useEffect, useState } from 'preact/hooks'

export type Theme = 'auto' | 'light' | 'dark'

const STORAGE_KEY = 'webhook-broker.theme'
export const CHANGED = 'broker:theme'

const stored = (): Theme => {
  const value = localStorage.getItem(STORAGE_KEY)
  return value === 'light' || value === 'dark' ? value : 'auto'
}

export const useTheme = (): [Theme, (theme: Theme) => void] => {
  const [theme, setTheme] = useState(stored)
  useEffect(() => {
    document.documentElement.dataset['theme'] = theme
    localStorage.setItem(STORAGE_KEY, theme)
    dispatchEvent(new Event(CHANGED))
  }, [theme])
  return [theme, setTheme]
}
